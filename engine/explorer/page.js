// Controls and drawing.

const $ = (id) => document.getElementById(id);
let playing = null;
let drawing = 0;
let shownView = null;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// ---------------------------------------------------------------------- controls

function option(value, text, selected) {
  return element("option", { value, textContent: text, selected });
}

// A group in words: indicators of whom, terms of what, and which database.
function groupTitle(measure) {
  const heading = [measure.heading, measure.part].filter(Boolean).map((k) => say(k)).join(": ");
  const side = measure.pairs ? `, ${say("by partner")}` : measure.side ? `, ${say("by sector")}` : "";
  return `${upper(heading)}${side}${groupsOf(measure).size > 1 ? ` \u2013 ${say(groupName(measure.group))}` : ""}`;
}

// Folders with a group of that name.
function groupsOf({ heading, part, side }) {
  return new Set(measures.filter((k) => k.heading === heading && k.part === part && k.side === side).map((k) => k.group));
}

function optionText(measure) {
  return `${upper(measure.title)}, ${unitText(measure)} \u00b7 ${measure.code}`;
}

// Measures whose name has all the words; else those whose group or definition has them.
function searched(among, words) {
  const asked = words.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text) => asked.every((k) => text.toLowerCase().includes(k));
  const named = among.filter((k) => has(optionText(k)));
  return named.length ? named : among.filter((k) => has(`${groupTitle(k)} ${optionText(k)} ${say(k.definition)}`));
}

function measureOptions(key, among, words = "") {
  const groups = Map.groupBy(searched(among, words), groupTitle);
  return [...groups].map(([label, each]) => element(
    "optgroup", { label }, ...each.map((k) => option(k.id, optionText(k), state[key] === k.id)),
  ));
}

const LABELS = {
  m: "Measure", other: "On the same axis", pair: "Measure", flow: "Measure", whole: "Whole", as: "Shown as", of: "Economy",
  from: "From", to: "To", show: "Economies shown", count: "Number of economies", x: "Horizontal axis", y: "Vertical axis",
  size: "Area of the circles", log: "Logarithmic axis", t: "Table", v: "Number", fall: "Table",
};
const AMONG = {
  m: () => (state.view === "map" ? NEEDS.map : measures), pair: () => ofPairs, flow: () => flows,
  x: () => ofCountries, y: () => ofCountries, size: () => ofCountries, other: () => alike(byId.get(state.m)),
};

function plainOptions(key, names) {
  return Object.entries(names).map(([value, text]) => option(value, text, state[key] === value));
}

function optionsOf(key, words) {
  if (key === "size") return [option("none", say("All the same"), state.size === "none"), ...measureOptions(key, ofCountries, words)];
  if (key === "other") return [option("none", say("nothing else"), state.other === "none"), ...measureOptions(key, AMONG.other(), words)];
  if (AMONG[key]) return measureOptions(key, AMONG[key](), words);
  if (key === "of") {
    return [...regions].sort((a, b) => a.name.localeCompare(b.name))
      .map((k) => option(k.code, k.name, k.code === state.of));
  }
  if (key === "show") return plainOptions(key, { 20: say("20 largest"), all: say("All"), chosen: say("The highlighted ones") });
  if (key === "count") return plainOptions(key, { 8: "8", 10: "10", 12: "12" });
  if (key === "as") return plainOptions(key, { shares: say("shares"), values: say("values") });
  if (key === "log") return plainOptions(key, { none: say("none"), x: say("horizontal"), y: say("vertical"), both: say("both") });
  if (key === "whole") return [...wholes].map(([id, k]) => option(id, `${upper(k.heading)}${k.side ? `, ${say(k.side === "partner" ? "by partner" : "by sector")}` : ""}`, id === state.whole));
  if (key === "t" || key === "fall") {
    return (key === "t" ? tables : falls).map((k) => option(tableId(k), `${say(k.title)} \u00b7 ${k.group}/${k.code}`, state[key] === tableId(k)));
  }
  if (key === "v") {
    const table = tableOfId(state.t);
    return table.numbers.map((k) => option(k, columnTitle(table, k), k === valueColumn(table)));
  }
  const [from, to] = theSpan();
  return shownYears().map((year) => option(String(year), String(year), (key === "from" ? from : to) === year));
}

// Choices among the labels of a table.
function labelChoices() {
  if (!["rows", "waterfall"].includes(state.view)) return [];
  const table = tableOfId(state.view === "rows" ? state.t : state.fall);
  const waterfall = state.view === "waterfall";
  const columns = keptColumns(table).filter((k) => !waterfall || k !== "factor");
  const { asked } = rowsKept(table, waterfall ? columns : ["model", "measure"]);
  const now = new Map(asked);
  return columns.map((name) => {
    const values = [...new Set(table.columns[name])];
    const all = waterfall || ["model", "measure"].includes(name) ? [] : [option("", say("All"), !now.has(name))];
    return element("label", {}, columnTitle(table, name), element("select", { name: `label.${name}`, id: `choose-label.${name}` },
      ...all, ...values.map((k) => option(k, shownLabel(name, k), now.get(name) === k))));
  });
}

const SEARCHED_FROM = 12;

function choice(key) {
  const measured = key in AMONG;
  const long = measured || ["whole", "t", "fall", "v"].includes(key);
  const select = element("select", { name: key, id: `choose-${key}`, className: long ? "measure" : "" }, ...optionsOf(key, ""));
  const label = element("label", { className: select.className }, say(LABELS[key]), select);
  if (!measured || ["other", "size"].includes(key) || AMONG[key]().length < SEARCHED_FROM) return label;
  // What is typed leaves the measures that have all its words.
  const search = element("input", { type: "search", placeholder: say("Find a measure"), ariaLabel: `${say("Find a measure")}: ${say(LABELS[key])}` });
  search.addEventListener("input", () => {
    select.replaceChildren(...optionsOf(key, search.value));
    const found = select.querySelectorAll("option").length;
    select.size = search.value.trim() ? Math.min(Math.max(found + select.children.length, 2), 9) : 0;
  });
  search.addEventListener("change", (event) => event.stopPropagation());
  search.addEventListener("keydown", (event) => {
    const first = select.querySelector("option");
    if (event.key !== "Enter" || !first) return;
    event.preventDefault();
    select.value = first.value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  return element("div", { className: "searched" }, label, search);
}

function drawChoices() {
  const keys = CHOICES[state.view].filter((key) => {
    if (key === "of" && CHOICES[state.view].includes("m")) return Boolean(byId.get(state.m).side);
    if (key === "other") return alike(byId.get(state.m)).length > 0;
    return true;
  });
  $("choices").className = state.view === "scatter" ? "three" : "";
  $("choices").replaceChildren(...keys.map(choice), ...labelChoices());
}

function drawTime() {
  const there = shownYears();
  if (!WITH_SLIDER.includes(state.view) || there.length < 2) {
    $("time").replaceChildren();
    return;
  }
  if (!$("year")) {
    const slider = element("input", { type: "range", id: "year", min: 0, step: 1 });
    const play = element("button", { type: "button", id: "play" });
    $("time").replaceChildren(play, element("label", {}, say("Year"), slider, element("output", { id: "year-text" })));
    slider.addEventListener("input", () => {
      stop();
      setYear(Number(slider.value));
    });
    play.addEventListener("click", () => (playing ? stop() : start()));
  }
  $("year").max = there.length - 1;
  $("year").value = there.indexOf(theYear());
  $("year").setAttribute("aria-valuetext", theYear());
  $("year-text").textContent = theYear();
  $("play").textContent = playing ? say("Stop") : say("Play");
  $("play").setAttribute("aria-label", playing ? say("Stop") : say("Play the years"));
}

function setYear(index) {
  state.year = String(shownYears()[index]);
  draw({ replace: true });
}

function start() {
  const at = () => shownYears().indexOf(theYear());
  if (at() === shownYears().length - 1) setYear(0);
  playing = setInterval(() => {
    const next = at() + 1;
    if (next === shownYears().length - 1) stop();
    if (next < shownYears().length) setYear(next);
  }, 900);
  drawTime();
}

function stop() {
  clearInterval(playing);
  playing = null;
  drawTime();
}

function drawEconomies() {
  $("chosen-count").textContent = `(${chosenCount()})`;
  const full = chosenCount() >= COLOUR_COUNT;
  for (const label of $("list").children) {
    const box = label.querySelector("input");
    box.checked = isChosen(box.value);
    box.disabled = full && !box.checked;
    label.title = box.disabled ? say("Eight have a colour: leave one out first") : "";
    label.querySelector("i").style.background = box.checked ? colourOf(box.value) : "none";
  }
}

function makeEconomies() {
  const sorted = [...regions].sort((a, b) => a.name.localeCompare(b.name));
  $("list").replaceChildren(...sorted.map((region) => element(
    "label", {}, element("input", { type: "checkbox", value: region.code }), element("i"),
    region.name, ...(region.name === region.code ? [] : [element("small", { textContent: region.code })]),
  )));
}

// ----------------------------------------------------------------------- drawing

function tableOf({ header, rows }) {
  const head = element("tr", {}, ...header.map((k) => element("th", { scope: "col", textContent: k })));
  const body = rows.map(({ chosen, cells: [name, ...values] }) => element(
    "tr", { className: chosen ? "chosen" : "" }, element("th", { scope: "row", textContent: name }),
    ...values.map((k) => element("td", { textContent: k })),
  ));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: say("Table") }, table);
}

function noteOf(view) {
  const text = `${say("Source")}: ${source(...view.used)}.${view.remark ? ` ${view.remark}` : ""}`;
  return text.replace(/([^.。])$/, "$1.").replaceAll("..", ".");
}

function drawAbout(view) {
  const shown = view.used.filter((k) => k.id);
  const formulas = shown.some((k) => k.formula);
  const item = (name, ...lines) => [
    element("dt", { textContent: name }),
    ...lines.filter(Boolean).map((k) => element("dd", { textContent: k })),
  ];
  const list = $("about").querySelector("dl");
  list.replaceChildren(
    ...shown.flatMap((k) => item(
      `${upper(k.title)} (${k.code})`, say(k.definition),
      k.formula && `${say("Formula")}: ${k.formula}`, `${say("Unit")}: ${unitText(k)}`,
    )),
    ...(formulas ? [element("dt", { textContent: say("Symbols") }), element("dd", {}, element("pre", { textContent: given.symbols }))] : []),
  );
  $("about").hidden = shown.length === 0;
}

async function draw({ replace = false } = {}) {
  const turn = ++drawing;
  writeAddress(replace);
  drawTime();
  drawEconomies();
  const width = Math.floor($("chart").clientWidth);
  const view = DRAW[state.view]({ width, narrow: width < 560 });
  shownView = view;
  $("title").textContent = view.title;
  $("subtitle").textContent = view.subtitle;
  $("note").textContent = noteOf(view);
  drawAbout(view);
  $("legend").replaceChildren(...(view.legend ? [view.legend] : []));
  for (const kind of ["svg", "png"]) $(`picture-${kind}`).disabled = !view.spec;
  hideTip();
  if (view.table) {
    $("chart").replaceChildren(tableOf(view.table));
    return;
  }
  if (!view.spec) {
    $("chart").replaceChildren(element("p", { className: "hint", textContent: view.empty ?? say("No values in this year.") }));
    return;
  }
  // Drawn aside, so that nothing flickers while the years play.
  const place = element("div", { className: "drawn" });
  await vegaEmbed(place, view.spec, {
    mode: view.spec.$schema ? "vega" : "vega-lite", renderer: "svg", actions: false, defaultStyle: false,
    config: config(), tooltip: () => {},
  });
  if (turn !== drawing) return;
  $("chart").replaceChildren(place);
  makeReachable(place, view);
}

// ------------------------------------------------------------------------- start

function redraw(how) {
  for (const radio of document.querySelectorAll("#views input")) radio.checked = radio.value === state.view;
  const tab = document.querySelector("#views input:checked").parentElement;
  $("views").scrollLeft = tab.offsetLeft - ($("views").clientWidth - tab.offsetWidth) / 2;
  $("economies").hidden = regions.length === 0 || ["rows", "waterfall"].includes(state.view);
  document.querySelector("main").classList.toggle("alone", $("economies").hidden);
  if (state.view === "map" && byId.get(state.m).side === "sector") state.m = defaults().m;
  drawChoices();
  draw(how);
}

function changed({ target }) {
  stop();
  if (target.name.startsWith("label.")) keep(target.name.slice(6), target.value);
  else state[target.name] = target.value;
  if (target.name === "t" || target.name === "fall") Object.assign(state, { v: "", kept: "" });
  if (target.name === "view") redraw();
  else if (["from", "to", "m", "pair", "flow", "x", "y", "size", "other", "whole", "t", "fall"].includes(target.name) || target.size) {
    redraw();
    document.getElementById(`choose-${target.name}`)?.focus();
  } else draw();
}

function sayPage() {
  const traced = new Set(Object.values(given.origins).map((k) => k.account || "value added"));
  document.querySelector(".kicker").textContent = say("Trade in {0}", [...traced].map((k) => say(k)).join(say(" and ")));
  for (const k of document.querySelectorAll("[data-say]")) k.textContent = say(k.textContent);
  for (const k of document.querySelectorAll("[data-say-label]")) {
    k.ariaLabel = say(k.ariaLabel);
    if (k.placeholder) k.placeholder = say(k.placeholder);
  }
}

function begin() {
  sayPage();
  readAddress();
  $("views").append(...offeredViews().map((view) => element(
    "label", {}, element("input", { type: "radio", name: "view", value: view }),
    element("span", { textContent: say(VIEWS[view]) }),
  )));
  makeEconomies();
  const files = [...new Set([...measures, ...tables].map((k) => k.file))];
  $("files").append(...files.flatMap((k, n) => [
    n ? ", " : "", element("a", { href: k.split("/").map(encodeURIComponent).join("/"), textContent: k }),
  ]));
  const cited = new Map(Object.values(given.origins).filter((k) => k.citation).map((k) => [k.title, k]));
  $("sources").append(...[...cited.values()].map((k) => element("p", {}, `${say(k.title)}${k.basis ? ` (${say(k.basis)})` : ""}. ${say("Cite")}: ${k.citation}`)));
  $("economies").open = innerWidth > 800;

  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("controls").addEventListener("change", changed);
  $("list").addEventListener("change", ({ target }) => {
    toggle(target.value);
    draw();
  });
  $("largest").addEventListener("click", () => {
    slots = placed(largest(6));
    draw();
  });
  $("none").addEventListener("click", () => {
    slots = placed([]);
    draw();
  });
  $("filter").addEventListener("input", ({ target }) => {
    const wanted = target.value.trim().toLowerCase();
    for (const label of $("list").children) {
      label.hidden = !label.textContent.toLowerCase().includes(wanted);
    }
  });
  $("view-csv").addEventListener("click", () => download(`${state.view}.csv`, csvText(shownView.header ?? LONG, shownView.csv())));
  $("all-csv").addEventListener("click", () => {
    download("explorer.csv", csvText(LONG, measures.flatMap((k) => longRows(k))));
  });
  for (const kind of ["svg", "png"]) $(`picture-${kind}`).addEventListener("click", () => savePicture(shownView, kind));
  // Back and forward, and an address that is pasted.
  for (const name of ["popstate", "hashchange"]) {
    addEventListener(name, () => {
      readAddress();
      redraw({ replace: true });
    });
  }
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) draw({ replace: true });
    width = innerWidth;
  });
  darkMode.addEventListener("change", () => draw({ replace: true }));
  listen();
  redraw({ replace: true });
}

begin();
