// What is chosen. It is kept in the address of the page, so that a link shows the same.

const VIEWS = {
  lines: "Over time",
  bars: "Ranking",
  map: "Map",
  pairs: "Bilateral",
  scatter: "Scatter",
  table: "Table",
};
const COLOUR_COUNT = given.colours.length;

function firstOf(codes, among, fallback = among[0]) {
  for (const code of codes) {
    const found = among.find((k) => k.code === code);
    if (found) return found.id;
  }
  return fallback ? fallback.id : "";
}

function largest(count) {
  return regions.filter((k) => !k.rest).slice(0, count).map((k) => k.code);
}

function offeredViews() {
  return Object.keys(VIEWS).filter((view) => {
    if (view === "pairs") return ofPairs.length > 0;
    if (view === "scatter") return ofCountries.length > 1;
    return true;
  });
}

function defaults() {
  const two = ofCountries[1] || ofCountries[0];
  return {
    view: "lines",
    m: firstOf(["tbi", "TBI", "EXGR"], measures, ofCountries[0] || measures[0]),
    pair: firstOf(["balance", "BALVAFD", "BALGR"], ofPairs),
    of: (largest(1)[0] || regions[0].code),
    x: firstOf(["GVC_PART_BM", "GVC_PART_KPWW", "va_exports"], ofCountries),
    y: firstOf(["GVC_FORWARDNESS", "GVC_POS_KPWW", "tbi"], ofCountries, two),
    size: firstOf(["EXGR", "gross_exports", "va_exports"], ofCountries),
    year: String(years.at(-1)),
    from: String(years[0]),
    to: String(years.at(-1)),
    show: "20",
    economies: largest(6).join(","),
  };
}

const state = defaults();
// Economies by colour: slot k has colour k, so that a colour never moves.
let slots = [];

function readAddress() {
  const start = defaults();
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(start)) state[key] = asked.get(key) ?? start[key];
  const valid = {
    view: (k) => offeredViews().includes(k),
    m: (k) => byId.has(k),
    pair: (k) => byId.has(k) && byId.get(k).pairs,
    of: (k) => placeOf.has(k),
    x: (k) => byId.has(k) && !byId.get(k).pairs,
    y: (k) => byId.has(k) && !byId.get(k).pairs,
    size: (k) => k === "none" || (byId.has(k) && !byId.get(k).pairs),
    year: (k) => years.includes(Number(k)),
    from: (k) => years.includes(Number(k)),
    to: (k) => years.includes(Number(k)),
    show: (k) => ["20", "all", "chosen"].includes(k),
  };
  for (const [key, test] of Object.entries(valid)) {
    if (!test(state[key])) state[key] = start[key];
  }
  if (Number(state.from) > Number(state.to)) [state.from, state.to] = [state.to, state.from];
  slots = state.economies.split(",").slice(0, COLOUR_COUNT)
    .map((code) => (placeOf.has(code) ? code : ""));
}

function writeAddress() {
  state.economies = slots.join(",").replace(/,+$/, "");
  const start = defaults();
  const changed = Object.entries(state).filter(([key, value]) => value !== start[key]);
  const hash = new URLSearchParams(changed).toString();
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
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
  if (at >= 0) {
    slots[at] = "";
    return true;
  }
  const free = slots.indexOf("");
  if (free >= 0) slots[free] = code;
  else if (slots.length < COLOUR_COUNT) slots.push(code);
  else return false;
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

// Of a name in the economy's colour, which must be read on a light page.
function textColourOf(code) {
  if (!isChosen(code)) return ink("ink");
  return darkMode.matches ? colourOf(code) : mixed(colourOf(code), "#000000", 0.35);
}
