// The measures of the page and their numbers, as they are in the files.

const given = JSON.parse(document.getElementById("data").textContent);
const years = given.years;
const regions = given.regions;
const placeOf = new Map(regions.map((region, k) => [region.code, k]));
const severalGroups = new Set(given.measures.map((k) => k.group)).size > 1;

// An identity that stays the same when other results are added.
const measures = given.measures.map((k) => ({
  ...k,
  id: `${k.group}/${k.code}${k.pairs ? "/partners" : ""}`,
}));
const byId = new Map(measures.map((k) => [k.id, k]));
const ofCountries = measures.filter((k) => !k.pairs);
const ofPairs = measures.filter((k) => k.pairs);

function decoded(measure, part) {
  const key = `${part}Numbers`;
  if (measure[key] === undefined) {
    const bytes = Uint8Array.from(atob(measure[part]), (k) => k.charCodeAt(0));
    measure[key] = new Float64Array(bytes.buffer);
  }
  return measure[key];
}

// A number of a measure, null where there is none. `partner` only of pairs.
function numberOf(measure, year, region, partner, part = "values") {
  if (measure[part] === null) return null;
  const size = regions.length;
  let at = year * size + region;
  if (measure.pairs) at = at * size + partner;
  const value = decoded(measure, part)[at];
  return Number.isNaN(value) ? null : value;
}

// What a chart shows: each economy, or each partner of one economy.
function rowsOf(measure, year, of) {
  const rows = [];
  regions.forEach((region, k) => {
    const [from, to] = measure.pairs ? [of, k] : [k, undefined];
    if (measure.pairs && of === k) return;
    const value = numberOf(measure, year, from, to);
    rows.push({
      code: region.code, name: region.name, year: years[year], value,
      low: numberOf(measure, year, from, to, "low"),
      high: numberOf(measure, year, from, to, "high"),
    });
  });
  return rows;
}

// Millions of money become billions where they are large; numbers in csv never change.
function shownUnit(measure) {
  if (measure.shown === undefined) {
    let largest = 0;
    for (const k of decoded(measure, "values")) {
      if (Math.abs(k) > largest) largest = Math.abs(k);
    }
    const million = /^million (.*)$/.exec(measure.unit);
    measure.shown = million && largest >= 10000
      ? { factor: 1e-3, unit: `billion ${million[1]}` }
      : { factor: 1, unit: measure.unit };
  }
  return measure.shown;
}

function scaled(measure, value) {
  return value === null ? null : value * shownUnit(measure).factor;
}

function numberText(value, digits = 4) {
  if (value === null) return "no value";
  const size = Math.abs(value);
  const options = size >= 1000
    ? { maximumFractionDigits: 0 }
    : { maximumSignificantDigits: digits };
  return new Intl.NumberFormat("en", options).format(value).replace("-", "\u2212");
}

// With as many decimals as all other values of the measure: for columns of numbers.
function alikeText(measure, value, more) {
  const number = scaled(measure, value);
  if (!["%", "ratio", "stages"].includes(measure.unit)) return numberText(number, 3 + more);
  const decimals = (measure.unit === "%" ? 1 : 3) + more;
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return new Intl.NumberFormat("en", options).format(number).replace("-", "\u2212");
}

function valueText(measure, value, digits = 5) {
  if (value === null) return "no value";
  const { unit } = shownUnit(measure);
  const after = unit === "%" ? " %" : unit && unit !== "ratio" ? ` ${unit}` : "";
  return numberText(scaled(measure, value), digits) + after;
}

function intervalText(measure, low, high) {
  if (low === null || high === null) return [];
  const [a, b] = [low, high].map((k) => numberText(scaled(measure, k), 4));
  return [`95 % interval ${a} to ${b}`];
}

function upper(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function measureName(measure) {
  return severalGroups ? `${measure.title} (${measure.group})` : measure.title;
}

// ---------------------------------------------------------------------------- csv

function csvCell(cell) {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "number") return String(cell);
  // A spreadsheet must not run a text.
  const safe = /^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvText(header, rows) {
  return [header, ...rows].map((row) => row.map(csvCell).join(",") + "\n").join("");
}

const LONG = ["measure", "title", "unit", "year", "region", "partner", "value", "low", "high"];

function longRows(measure, keepYear = () => true, keepPair = () => true) {
  const rows = [];
  years.forEach((year, t) => {
    if (!keepYear(year)) return;
    regions.forEach((region, i) => {
      const partners = measure.pairs ? regions.keys() : [undefined];
      for (const j of partners) {
        const value = numberOf(measure, t, i, j);
        if (value === null || !keepPair(i, j)) continue;
        rows.push([
          measure.code, measure.title, measure.unit, year, region.code,
          j === undefined ? "" : regions[j].code, value,
          numberOf(measure, t, i, j, "low"), numberOf(measure, t, i, j, "high"),
        ]);
      }
    });
  });
  return rows;
}

function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
