// The measures of the page and their numbers, as they are in the files.

const given = JSON.parse(document.getElementById("data").textContent);
const { years, regions, sectors, tables } = given;
const placeOf = new Map(regions.map((region, k) => [region.code, k]));

// A text in the language of the page; {0}, {1}, ... are what follows.
function say(text, ...values) {
  const found = given.words[text] ?? text;
  return values.reduce((filled, value, k) => filled.replaceAll(`{${k}}`, value), found);
}

function upper(text) {
  return /^(kg|kt|t|[a-z]+\d+)\b/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);  // units, co2
}

// The account in front of a title, and years or remarks after it, are kept.
function sayTitle(title) {
  const own = given.words[title];
  if (own) return own;
  const parts = /^(?:(.*?): )?(.*?)( \(.*\)|, \w+)?$/s.exec(title);
  return `${parts[1] ? `${parts[1]}: ` : ""}${say(parts[2])}${parts[3] ?? ""}`;
}

// An identity that stays the same when other results are added.
const measures = given.measures.map((k) => ({
  ...k,
  title: sayTitle(k.title),
  pairs: k.side === "partner",
  id: `${k.group}/${k.code}${k.side === "partner" ? "/partners" : k.side ? `/${k.side}s` : ""}`,
}));
const byId = new Map(measures.map((k) => [k.id, k]));
const ofCountries = measures.filter((k) => !k.side);
const ofPairs = measures.filter((k) => k.pairs);
const flows = ofPairs.filter((k) => !k.signed);

function decoded(measure, part) {
  const key = `${part}Numbers`;
  if (measure[key] === undefined) {
    const text = document.getElementById(`block-${measure[part]}`).textContent;
    const bytes = Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (k) => k.charCodeAt(0));
    measure[key] = new Float64Array(bytes.buffer);
  }
  return measure[key];
}

// What a measure is with: partners, or sectors.
function othersOf(measure) {
  return measure.side === "sector" ? sectors : regions;
}

// A number of a measure, null where there is none. `other` only of pairs and sectors.
function numberOf(measure, year, region, other, part = "values") {
  if (measure[part] === null) return null;
  let at = year * regions.length + region;
  if (measure.side) at = at * othersOf(measure).length + other;
  const value = decoded(measure, part)[at];
  return Number.isNaN(value) ? null : value;
}

// What a chart shows: each economy, or each partner or sector of one economy.
function rowsOf(measure, year, of) {
  const rows = [];
  othersOf(measure).forEach((one, k) => {
    const [from, to] = measure.side ? [of, k] : [k, undefined];
    if (measure.pairs && of === k) return;
    const value = numberOf(measure, year, from, to);
    rows.push({
      code: one.code, name: one.name, year: years[year], value,
      low: numberOf(measure, year, from, to, "low"),
      high: numberOf(measure, year, from, to, "high"),
    });
  });
  return rows;
}

// Over all partners or sectors of an economy, null where there is nothing.
function totalOf(measure, year, region) {
  if (!measure.side) return numberOf(measure, year, region);
  const there = othersOf(measure).map((_, k) => numberOf(measure, year, region, k))
    .filter((k) => k !== null);
  return there.length ? there.reduce((a, b) => a + b, 0) : null;
}

// Millions of money become billions where they are large, kg kt; numbers in csv never change.
function shownUnit(measure) {
  const [unit, factor] = measure.scaled ?? [measure.unit, 1];
  return { unit, factor };
}

function scaled(measure, value) {
  return value === null ? null : value * shownUnit(measure).factor;
}

function formatted(value, options) {
  return new Intl.NumberFormat("en", options).format(value).replace("-", "\u2212");
}

function numberText(value, digits = 4) {
  if (value === null) return say("no value");
  return formatted(value, Math.abs(value) >= 1000
    ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits });
}

// With as many decimals as all other values of the measure: for columns of numbers.
function alikeText(measure, value, more) {
  const number = scaled(measure, value);
  if (!["%", "ratio", "stages"].includes(measure.unit)) return numberText(number, 3 + more);
  const decimals = (measure.unit === "%" ? 1 : 3) + more;
  return formatted(number, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function unitText(measure) {
  const { unit } = shownUnit(measure);
  if (unit) return say(unit === "%" ? "per cent" : unit);
  const ofPanel = ["demo", "panel", "replicate"].includes(given.origins[measure.group]?.command);
  return say(ofPanel ? "unit of the variable" : "unit as in the tables");
}

function valueText(measure, value, digits = 5) {
  if (value === null) return say("no value");
  const { unit } = shownUnit(measure);
  const after = unit === "%" ? " %" : unit && unit !== "ratio" ? ` ${say(unit)}` : "";
  return numberText(scaled(measure, value), digits) + after;
}

function intervalText(measure, low, high) {
  if (low === null || high === null) return [];
  return [say("95 % interval {0} to {1}", ...[low, high].map((k) => numberText(scaled(measure, k), 4)))];
}

// The database where folders have several, and the folder where databases do not differ.
function groupName(group) {
  const titles = [...new Set(measures.map((k) => given.origins[k.group]?.title ?? k.group))];
  const own = given.origins[group]?.title ?? group;
  const sharing = new Set(measures.filter((k) => (given.origins[k.group]?.title ?? k.group) === own).map((k) => k.group));
  return titles.length > 1 && sharing.size === 1 ? own : group;
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

const LONG = ["measure", "title", "unit", "year", "region", "partner", "sector", "value", "low", "high"];

function longRows(measure, keepYear = () => true, keep = () => true) {
  const rows = [];
  years.forEach((year, t) => {
    if (!keepYear(year)) return;
    regions.forEach((region, i) => {
      const others = measure.side ? othersOf(measure).keys() : [undefined];
      for (const j of others) {
        const value = numberOf(measure, t, i, j);
        if (value === null || !keep(i, j)) continue;
        rows.push([
          measure.code, measure.title, measure.unit, year, region.code,
          measure.pairs ? regions[j].code : "", measure.side === "sector" ? sectors[j].code : "",
          value, numberOf(measure, t, i, j, "low"), numberOf(measure, t, i, j, "high"),
        ]);
      }
    });
  });
  return rows;
}

function download(name, content, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
