// What a pointer, a finger and the keyboard are told of the chart.

// What a mark tells; of several marks of the same, and what has none, nothing.
function tipOf(mark) {
  const told = mark?.__data__?.tooltip;
  return typeof told === "string" ? told : null;
}

// Names that a reader of the screen is told, and one stop of the tabulator: arrows go on.
function makeReachable(place, view) {
  const picture = place.querySelector("svg");
  for (const k of [picture, ...picture.querySelectorAll("[role], [aria-label], [aria-roledescription]")]) {
    for (const name of ["role", "aria-label", "aria-roledescription", "aria-hidden"]) k.removeAttribute(name);
  }
  const label = say("{0}. The view Table has the numbers.", view.title);
  if (view.cursor) {
    picture.setAttribute("aria-hidden", "true");
    const told = view.cursor.years;
    Object.assign(place, { tabIndex: 0, role: "slider", ariaLabel: say("{0}. Arrow keys move the year.", view.title) });
    Object.assign(place, { ariaValueMin: told[0], ariaValueMax: told.at(-1), ariaValueNow: told.at(-1), ariaValueText: String(told.at(-1)) });
    return;
  }
  picture.setAttribute("role", "group");
  picture.setAttribute("aria-label", label);
  const seen = new Set();
  const marks = [...picture.querySelectorAll("path, text, line")].filter((k) => {
    const told = tipOf(k);
    if (!told || seen.has(told)) return false;
    seen.add(told);
    return true;
  });
  marks.forEach((mark, k) => {
    mark.setAttribute("tabindex", k ? "-1" : "0");
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", tipOf(mark).replaceAll("\n", ", "));
  });
  place.addEventListener("keydown", (event) => {
    const at = marks.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -at, End: marks.length - 1 - at }[event.key];
    if (event.key === "Escape") hideTip();
    if (at < 0 || step === undefined || !marks[at + step]) return;
    event.preventDefault();
    marks[at].setAttribute("tabindex", "-1");
    marks[at + step].setAttribute("tabindex", "0");
    marks[at + step].focus();
  });
  place.addEventListener("focusin", ({ target }) => {
    const told = tipOf(target);
    if (!told) return;
    const box = target.getBoundingClientRect();
    showTip(told.split("\n").map((k) => [null, k]), Math.min(box.right, innerWidth - 40), box.top + box.height / 2);
  });
  place.addEventListener("focusout", hideTip);
}

// The mark below a pointer; of a finger, which covers small ones, one nearby.
function markAt(event) {
  if (tipOf(event.target)) return event.target;
  if (event.type === "pointermove" && event.pointerType !== "touch") return null;
  for (const far of [6, 12, 18]) {
    for (const [x, y] of [[1, 0], [-1, 0], [0, 1], [0, -1], [0.7, 0.7], [-0.7, 0.7], [0.7, -0.7], [-0.7, -0.7]]) {
      const found = document.elementsFromPoint(event.clientX + far * x, event.clientY + far * y).find(tipOf);
      if (found) return found;
    }
  }
  return null;
}

function tellAt(event) {
  if (shownView?.cursor) {
    const box = $("chart").getBoundingClientRect();
    const { left, inner, from, to, years: told } = shownView.cursor;
    const share = (event.clientX - box.left + $("chart").scrollLeft - left) / inner;
    const wanted = from + share * (to - from);
    tellYear(told.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a)), event.clientX, event.clientY);
    return;
  }
  const mark = markAt(event);
  if (mark) showTip(tipOf(mark).split("\n").map((k) => [null, k]), event.clientX, event.clientY);
  else hideTip();
}

// A line at the year, and every highlighted value of it.
function tellYear(year, clientX, clientY) {
  const { left, inner, top, height, from, to, told } = shownView.cursor;
  const place = $("chart").querySelector(".drawn");
  if (!place) return;
  const x = from === to ? left + inner / 2 : left + (inner * (year - from)) / (to - from);
  const rule = place.querySelector(".rule") ?? place.appendChild(element("div", { className: "rule" }));
  Object.assign(rule.style, { left: `${x}px`, top: `${top}px`, height: `${height}px` });
  const rows = told(year);
  place.ariaValueNow = year;
  place.ariaValueText = [year, ...rows.map(([, name, value]) => `${name} ${value}`)].join(", ");
  const box = place.getBoundingClientRect();
  showTip([[null, String(year)], ...rows], clientX ?? box.left + x, clientY ?? box.top + 30);
}

function hideTip() {
  $("tooltip").hidden = true;
  $("chart").querySelector(".rule")?.remove();
}

// Lines are a colour, a name and maybe a value.
function showTip([[, first], ...rest], x, y) {
  const box = $("tooltip");
  box.replaceChildren(
    element("b", { textContent: first }),
    ...rest.map(([colour, name, value]) => {
      const line = element("span", {}, name);
      if (colour) line.prepend(Object.assign(element("i"), { style: `background:${colour}` }));
      if (value !== undefined) line.append(element("em", { textContent: value }));
      return line;
    }),
  );
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const right = x + 14 + width > innerWidth - 8;
  box.style.left = `${Math.max(8, right ? x - width - 14 : x + 14)}px`;
  const below = y + 16;
  box.style.top = `${Math.max(4, below + height > innerHeight ? y - height - 12 : below)}px`;
}

function listen() {
  const chart = $("chart");
  chart.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch" || shownView?.cursor) tellAt(event);
  });
  chart.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") hideTip();
  });
  chart.addEventListener("click", tellAt);
  addEventListener("scroll", hideTip, { passive: true });
  document.addEventListener("pointerdown", (event) => {
    if (!chart.contains(event.target)) hideTip();
  });
  chart.addEventListener("keydown", (event) => {
    const cursor = shownView?.cursor;
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (event.key === "Escape") hideTip();
    if (!cursor || step === undefined || !event.target.classList.contains("drawn")) return;
    event.preventDefault();
    const at = cursor.years.indexOf(Number(event.target.ariaValueNow)) + step;
    tellYear(cursor.years[Math.min(Math.max(at, 0), cursor.years.length - 1)]);
  });
  chart.addEventListener("focusin", ({ target }) => {
    if (shownView?.cursor && target.matches(".drawn:focus-visible")) tellYear(Number(target.ariaValueNow));
  });
  chart.addEventListener("focusout", hideTip);
}
