// What is chosen. It is kept in the address of the page, so that a link shows the same.

const VIEWS = {
  lines: "Over time",
  panels: "Small multiples",
  slope: "Two years",
  bars: "Ranking",
  map: "Map",
  parts: "Composition",
  flows: "Flows",
  pairs: "Bilateral",
  scatter: "Scatter",
  table: "Table",
  waterfall: "Waterfall",
  rows: "Estimates",
};
const COLOUR_COUNT = given.colours.length;

// Of the newest result, where it has any.
function newest(among, groupOf = (k) => k.group) {
  const own = among.filter((k) => groupOf(k) === given.newest);
  return own.length ? own : among;
}

function firstOf(codes, all, fallback = newest(all)[0]) {
  const among = newest(all);
  for (const code of codes) {
    const found = among.find((k) => k.code === code);
    if (found) return found.id;
  }
  return fallback ? fallback.id : "";
}

function largest(count) {
  return regions.filter((k) => !k.rest).slice(0, count).map((k) => k.code);
}

// Whose parts add up: terms of a decomposition, or a flow by partner or sector.
const wholes = new Map([
  ...measures.filter((k) => k.part).map((k) => [`${k.group}//${k.heading}//${k.side}`, { heading: say(k.heading), group: k.group, side: k.side, terms: [] }]),
  ...measures.filter((k) => k.side && !k.signed && !k.part && /million|billion|^(kg|t|kt|Mt)\b/.test(k.unit)).map((k) => [k.id, { heading: k.title, group: k.group, side: k.side, measure: k }]),
]);
for (const k of measures) {
  if (k.part) wholes.get(`${k.group}//${k.heading}//${k.side}`).terms.push(k);
}
const tableId = (k) => `${k.group}/${k.code}`;
const falls = tables.filter((k) => k.labels.includes("factor") && k.numbers.includes("value") && k.labels.includes("region"));

const NEEDS = {
  lines: measures, panels: measures, slope: years.length > 1 ? measures : [], bars: measures,
  map: measures.filter((k) => k.side !== "sector"), parts: [...wholes], flows, pairs: ofPairs,
  scatter: ofCountries.length > 1 ? ofCountries : [], table: measures, waterfall: falls, rows: tables,
};

function offeredViews() {
  return Object.keys(VIEWS).filter((view) => NEEDS[view].length > 0);
}

function defaults() {
  const two = newest(ofCountries)[1] || ofCountries[0];
  const group = (k) => k.group ?? k[1].group;  // of a measure, a table or a whole
  return {
    view: offeredViews().find((k) => NEEDS[k].some((one) => group(one) === given.newest)) ?? offeredViews()[0],
    m: firstOf(["tbi", "TBI", "EXGR"], measures, newest([...ofCountries, ...measures])[0]),
    other: "none",
    pair: firstOf(["balance", "BALVAFD", "BALGR"], ofPairs),
    flow: firstOf(["value_added", "FFD_DVA", "EXGR"], flows),
    whole: newest([...wholes], group)[0]?.[0] ?? "",
    as: "shares",
    of: (largest(1)[0] || regions[0]?.code) ?? "",
    x: firstOf(["GVC_PART_BM", "GVC_PART_KPWW", "va_exports"], ofCountries),
    y: firstOf(["GVC_FORWARDNESS", "GVC_POS_KPWW", "tbi"], ofCountries, two),
    size: firstOf(["EXGR", "gross_exports", "va_exports"], ofCountries),
    log: "none",
    year: "",
    from: "",
    to: "",
    show: "20",
    count: "10",
    t: tables.length ? tableId(firstTable()) : "",
    v: "",
    kept: "",
    fall: falls.length ? tableId(newest(falls)[0]) : "",
    economies: placed(largest(6)).join(",").replace(/,+$/, ""),
  };
}

// Estimates, or else the first table of several rows.
function firstTable() {
  const several = (k) => k.columns[k.numbers[0]].length > 1;
  const own = newest(tables);
  return own.find((k) => k.numbers.includes("estimate") || k.code === "war") ?? own.find(several) ?? own[0];
}

// Economies by colour: slot k has colour k. Large economies have the colour of the
// static figures where it is free, others the first that is, as there.
function placed(codes) {
  const found = Array(COLOUR_COUNT).fill("");
  for (const code of codes.toSorted((a, b) => (b in given.own) - (a in given.own))) put(found, code);
  return found;
}

function put(places, code) {
  const own = given.own[code];
  const free = own !== undefined && !places[own] ? own : places.indexOf("");
  if (free < 0) return false;
  places[free] = code;
  return true;
}

const state = {};
let slots = [];

// What the view shows: its measures, and the years that have values of them.
function usedMeasures() {
  const keys = { pairs: ["pair"], flows: ["flow"], scatter: ["x", "y", "size"], lines: ["m", "other"] };
  if (state.view === "parts") return [wholes.get(state.whole)].flatMap((k) => k.measure ?? k.terms);
  return (keys[state.view] ?? ["m"]).map((key) => byId.get(state[key])).filter(Boolean);
}

function shownYears() {
  const used = usedMeasures();
  const [test, join] = state.view === "lines" ? [used, "some"] : [used, "every"];
  const there = years.filter((_, t) => test[join]((k) => k.years.includes(t)));
  return there.length ? there : years;
}

function nearest(year, fallback, among) {
  if (year === "") return fallback;
  return among.reduce((a, b) => (Math.abs(b - year) < Math.abs(a - year) ? b : a));
}

// The year that is chosen, or the last one with values; and the first and the last.
function theYear() {
  const there = shownYears();
  return nearest(state.year, there.at(-1), there);
}

function theSpan() {
  const there = shownYears();
  return [nearest(state.from, there[0], there), nearest(state.to, there.at(-1), there)].sort((a, b) => a - b);
}

function readAddress() {
  const start = defaults();
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(start)) state[key] = asked.get(key) ?? start[key];
  const ofYears = (k) => k === "" || years.includes(Number(k));
  const plain = (k) => byId.has(k) && !byId.get(k).side;
  const valid = {
    view: (k) => offeredViews().includes(k),
    m: (k) => byId.has(k),
    other: (k) => k === "none" || byId.has(k),
    pair: (k) => byId.get(k)?.pairs,
    flow: (k) => flows.includes(byId.get(k)),
    whole: (k) => wholes.has(k),
    as: (k) => ["shares", "values"].includes(k),
    of: (k) => placeOf.has(k),
    x: plain,
    y: plain,
    size: (k) => k === "none" || plain(k),
    log: (k) => ["none", "x", "y", "both"].includes(k),
    year: ofYears,
    from: ofYears,
    to: ofYears,
    show: (k) => ["20", "all", "chosen"].includes(k),
    count: (k) => ["8", "10", "12"].includes(k),
    t: (k) => tables.some((one) => tableId(one) === k),
    fall: (k) => falls.some((one) => tableId(one) === k),
  };
  for (const [key, test] of Object.entries(valid)) {
    if (!test(state[key])) state[key] = start[key];
  }
  slots = Array.from({ length: COLOUR_COUNT }, (_, k) => state.economies.split(",")[k] ?? "")
    .map((code) => (placeOf.has(code) ? code : ""));
}

// A new entry of the history, so that Back returns; `replace` while something moves.
function writeAddress(replace) {
  state.economies = slots.join(",").replace(/,+$/, "");
  const start = defaults();
  const changed = Object.entries(state).filter(([key, value]) => value !== start[key]);
  const hash = new URLSearchParams(changed).toString();
  const address = hash ? `#${hash}` : location.pathname + location.search;
  if (location.hash.slice(1) === hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
}

function isChosen(code) {
  return slots.includes(code);
}

function chosenCount() {
  return slots.filter(Boolean).length;
}

// Choose or drop an economy; false where every colour is taken.
function toggle(code) {
  const at = slots.indexOf(code);
  if (at < 0) return put(slots, code);
  slots[at] = "";
  return true;
}

// ------------------------------------------------------------------------- colours

const darkMode = window.matchMedia("(prefers-color-scheme: dark)");

function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function mixed(one, other, share) {
  const part = (colour, k) => parseInt(colour.slice(1 + 2 * k, 3 + 2 * k), 16);
  const channel = (k) => Math.round(part(one, k) + share * (part(other, k) - part(one, k)));
  return `#${[0, 1, 2].map((k) => channel(k).toString(16).padStart(2, "0")).join("")}`;
}

// A colour between several at even distances; `share` is from 0 to 1.
function between(colours, share) {
  const at = Math.min(Math.max(share, 0), 1) * (colours.length - 1);
  const k = Math.min(Math.floor(at), colours.length - 2);
  return mixed(colours[k], colours[k + 1], at - k);
}

// Dark colours are mixed with white on a dark page; black becomes nearly white.
function ofTheme(colour) {
  if (!darkMode.matches) return colour;
  if (colour === "#000000") return "#f4f4f4";
  return mixed(colour, "#ffffff", { "#882255": 0.38, "#0072B2": 0.25 }[colour] ?? 0.1);
}

function colourOf(code) {
  const at = slots.indexOf(code);
  return at < 0 ? ink("faint") : ofTheme(given.colours[at]);
}

// Of a name in a colour, which must be read on a light page.
function textColour(colour) {
  return darkMode.matches ? colour : mixed(colour, "#000000", 0.35);
}

function textColourOf(code) {
  return isChosen(code) ? textColour(colourOf(code)) : ink("ink");
}
