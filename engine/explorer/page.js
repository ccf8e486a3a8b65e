// Controls, drawing, tooltip.

const $ = (id) => document.getElementById(id);
let playing = null;
let drawing = 0;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// ---------------------------------------------------------------------- controls

function option(value, text, selected) {
  return element("option", { value, textContent: text, selected });
}

function measureOptions(key, among) {
  const groups = new Map();
  for (const measure of among) {
    const kind = measure.pairs ? "by partner" : "by economy";
    const unit = unitText(measure);
    const title = severalGroups ? `${measure.group}: ${kind}, ${unit}` : upper(`${kind}, ${unit}`);
    if (!groups.has(title)) groups.set(title, element("optgroup", { label: title }));
    groups.get(title).append(option(measure.id, `${upper(measure.title)} \u00b7 ${measure.code}`, state[key] === measure.id));
  }
  return [...groups.values()];
}

const LABELS = {
  m: "Measure", pair: "Measure", of: "Economy", from: "From", to: "To", show: "Economies shown",
  x: "Across", y: "Upwards", size: "Area of the circles",
};

function optionsOf(key) {
  if (key === "m") return measureOptions(key, measures);
  if (key === "pair") return measureOptions(key, ofPairs);
  if (key === "x" || key === "y") return measureOptions(key, ofCountries);
  if (key === "size") {
    return [option("none", "All the same", state.size === "none"), ...measureOptions(key, ofCountries)];
  }
  if (key === "of") {
    return [...regions].sort((a, b) => a.name.localeCompare(b.name))
      .map((k) => option(k.code, k.name, k.code === state.of));
  }
  if (key === "show") {
    const names = { 20: "20 largest", all: "All", chosen: "The highlighted ones" };
    return Object.entries(names).map(([value, text]) => option(value, text, state.show === value));
  }
  return years.map((year) => option(String(year), String(year), Number(state[key]) === year));
}

function drawChoices() {
  const keys = CHOICES[state.view].filter((key) => key !== "of" || byId.get(state.m).pairs);
  const long = ["m", "pair", "x", "y", "size"];
  $("choices").className = state.view === "scatter" ? "three" : "";
  $("choices").replaceChildren(...keys.map((key) => {
    const select = element("select", { name: key, id: `choose-${key}` }, ...optionsOf(key));
    if (long.includes(key)) select.className = "measure";
    return element("label", { className: select.className }, LABELS[key], select);
  }));
}

function drawTime() {
  if (!WITH_SLIDER.includes(state.view) || years.length < 2) {
    $("time").replaceChildren();
    return;
  }
  if ($("year")) {
    $("year").value = yearIndex(state.year);
  } else {
    const slider = element("input", { type: "range", id: "year", min: 0, max: years.length - 1, step: 1 });
    slider.value = yearIndex(state.year);
    const play = element("button", { type: "button", id: "play" });
    $("time").replaceChildren(play, element("label", {}, "Year", slider, element("output", { id: "year-text" })));
    slider.addEventListener("input", () => {
      stop();
      setYear(Number(slider.value));
    });
    play.addEventListener("click", () => (playing ? stop() : start()));
  }
  $("year").setAttribute("aria-valuetext", state.year);
  $("year-text").textContent = state.year;
  $("play").textContent = playing ? "Stop" : "Play";
  $("play").setAttribute("aria-label", playing ? "Stop" : "Play the years");
}

function setYear(index) {
  state.year = String(years[index]);
  draw();
}

function start() {
  if (yearIndex(state.year) === years.length - 1) setYear(0);
  playing = setInterval(() => {
    const next = yearIndex(state.year) + 1;
    if (next === years.length - 1) stop();
    if (next < years.length) setYear(next);
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
    label.title = box.disabled ? "Eight have a colour: leave one out first" : "";
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
  return element("div", { className: "scroll", tabIndex: 0 }, table);
}

async function draw() {
  const turn = ++drawing;
  writeAddress();
  drawTime();
  drawEconomies();
  const width = Math.floor($("chart").clientWidth);
  const view = DRAW[state.view]({ width, narrow: width < 560 });
  $("title").textContent = view.title;
  $("subtitle").textContent = view.subtitle;
  $("note").textContent = `Source: ${view.note.replace(/\.$/, "")}.`;
  $("legend").replaceChildren(...(view.legend ? [view.legend] : []));
  $("view-csv").onclick = () => download(`${state.view}.csv`, csvText(LONG, view.csv()));
  if (view.table) {
    $("chart").replaceChildren(tableOf(view.table));
    return;
  }
  if (!view.spec) {
    $("chart").replaceChildren(element("p", { className: "hint", textContent: view.empty ?? "No values in this year." }));
    return;
  }
  // Drawn aside, so that nothing flickers while the years play.
  const place = element("div");
  await vegaEmbed(place, view.spec, {
    mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false,
    config: config(), tooltip: showTip,
  });
  if (turn !== drawing) return;
  const picture = place.querySelector("svg");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `${view.title}. The view Table has the numbers.`);
  $("chart").replaceChildren(place);
  hideTip();
}

function hideTip() {
  $("tooltip").hidden = true;
}

function showTip(_, event, __, value) {
  if (!value) {
    hideTip();
    return;
  }
  const [first, ...rest] = String(value).split("\n");
  const box = $("tooltip");
  box.replaceChildren(
    element("b", { textContent: first }),
    ...rest.map((k) => element("span", { textContent: k })),
  );
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, innerWidth - width - 8);
  const below = event.clientY + 16;
  box.style.left = `${Math.max(8, left)}px`;
  box.style.top = `${below + height > innerHeight ? event.clientY - height - 12 : below}px`;
}

// ------------------------------------------------------------------------- start

function redraw() {
  for (const radio of document.querySelectorAll("#views input")) radio.checked = radio.value === state.view;
  drawChoices();
  draw();
}

function begin() {
  readAddress();
  $("views").append(...offeredViews().map((view) => element(
    "label", {}, element("input", { type: "radio", name: "view", value: view }),
    element("span", { textContent: VIEWS[view] }),
  )));
  makeEconomies();
  const files = [...new Set(measures.map((k) => k.file))];
  $("files").append(...files.flatMap((k, n) => [
    n ? ", " : "", element("a", { href: k.split("/").map(encodeURIComponent).join("/"), textContent: k }),
  ]));
  $("economies").open = innerWidth > 800;

  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("controls").addEventListener("change", ({ target }) => {
    stop();
    state[target.name] = target.value;
    if (Number(state.from) > Number(state.to)) [state.from, state.to] = [state.to, state.from];
    if (target.name === "view") redraw();
    else if (["from", "to", "m"].includes(target.name)) {
      redraw();
      $(`choose-${target.name}`).focus();
    } else draw();
  });
  $("list").addEventListener("change", ({ target }) => {
    toggle(target.value);
    draw();
  });
  $("largest").addEventListener("click", () => {
    slots = largest(6);
    draw();
  });
  $("none").addEventListener("click", () => {
    slots = [];
    draw();
  });
  $("filter").addEventListener("input", ({ target }) => {
    const wanted = target.value.trim().toLowerCase();
    for (const label of $("list").children) {
      label.hidden = !label.textContent.toLowerCase().includes(wanted);
    }
  });
  $("all-csv").addEventListener("click", () => {
    download("explorer.csv", csvText(LONG, measures.flatMap((k) => longRows(k))));
  });
  addEventListener("hashchange", () => {
    readAddress();
    redraw();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) draw();
    width = innerWidth;
  });
  darkMode.addEventListener("change", draw);
  redraw();
}

begin();
