// What each view shows: its choices, its words, its chart, its table.

function yearSpan(from, to) {
  return from === to ? String(from) : `${from}\u2013${to}`;
}

function nameOf(code) {
  return regions[placeOf.get(code)].name;
}

function unitText(measure) {
  const { unit } = shownUnit(measure);
  return { "%": "per cent", "": "unit as in the tables" }[unit] ?? unit;
}

// "Gross exports" or "Gross exports of China with each partner".
function heading(measure) {
  const name = upper(measure.title);
  return measure.pairs ? `${name}: ${nameOf(state.of)} with each partner` : name;
}

function tipText(row, measure) {
  const codes = row.name === row.code ? row.name : `${row.name} (${row.code})`;
  return [codes, `${row.year}: ${valueText(measure, row.value)}`, ...intervalText(measure, row.low, row.high)].join("\n");
}

function dressed(rows, measure) {
  return rows.map((row) => ({
    ...row, tip: tipText(row, measure), colour: colourOf(row.code), chosen: isChosen(row.code),
    value: scaled(measure, row.value), low: scaled(measure, row.low), high: scaled(measure, row.high),
    ink: textColourOf(row.code),
    text: row.value === null ? "" : alikeText(measure, row.value, 0),
  }));
}

// Relative luminance of a colour (WCAG 2): black and white stand out alike at 0.19.
function luminance(colour) {
  const [r, g, b] = [1, 3, 5].map((k) => {
    const part = parseInt(colour.slice(k, k + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// Colours of values: from 0, and both ways where either sign has a meaning. Flows differ
// by orders of magnitude, so that their colours go by the square root.
function colouring(measure, values) {
  const there = values.filter((k) => k !== null);
  const flow = !["%", "ratio", "stages"].includes(measure.unit);
  const signed = measure.signed;
  const most = Math.max(...there.map(Math.abs), Number.MIN_VALUE);
  const [low, high] = signed ? [-most, most]
    : flow || Math.min(...there) < 0.4 * most ? [Math.min(0, ...there), most] : [Math.min(...there), most];
  const dark = darkMode.matches;
  const range = signed
    ? [ofTheme(given.deficit), ink("middle"), ofTheme(given.surplus)]
    : dark ? [ink("middle"), "#2f7fb0", "#bfe3fb"] : ["#eaf2f8", "#5aa5d0", "#003f66"];
  const scale = (part) => between(range, signed ? (part + 1) / 2 : part);
  const share = (value) => {
    const part = signed ? value / high : (value - low) / (high - low || 1);
    return flow ? Math.sign(part) * Math.sqrt(Math.abs(part)) : part;
  };
  const colour = (value) => (value === null ? "transparent" : scale(share(value)));
  const inkOn = (value) => {
    if (value === null) return ink("quiet");
    return luminance(colour(value)) > 0.19 ? "#111" : "#fff";
  };
  const stops = signed ? [-1, -0.5, 0, 0.5, 1] : [0, 0.5, 1];
  const at = (part) => {
    const plain = flow ? Math.sign(part) * part * part : part;
    return signed ? plain * high : low + plain * (high - low);
  };
  return { colour, inkOn, stops: stops.map((k) => [scale(k), numberText(at(k), 3)]), flow };
}

function legend(colours, unit) {
  const box = document.createElement("div");
  const ramp = document.createElement("div");
  ramp.className = "ramp";
  ramp.style.background = `linear-gradient(to right, ${colours.stops.map(([k]) => k).join(", ")})`;
  const ends = document.createElement("div");
  ends.className = "ends";
  for (const [, text] of colours.stops) {
    const end = document.createElement("span");
    end.textContent = text;
    ends.append(end);
  }
  box.append(ramp, ends);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", `Colours from ${colours.stops[0][1]} to ${colours.stops.at(-1)[1]} ${unit}`);
  return box;
}

function intervalNote(measure, shape) {
  return measure.low === null ? "" : ` ${shape}: 95 % intervals.`;
}

// Without the explanation after a colon; the name of an account stays.
function shortTitle(measure) {
  return measure.title.split(": ").slice(0, measure.code.includes("/") ? 2 : 1).join(": ");
}

function source(...used) {
  const unique = [...new Map(used.map((k) => [k.id, k])).values()];
  return unique.map((k) => `${k.code} of ${k.file}`).join(", ");
}

const yearIndex = (year) => years.indexOf(Number(year));

function linesView(size) {
  const measure = byId.get(state.m);
  const [from, to] = [Number(state.from), Number(state.to)];
  const of = placeOf.get(state.of);
  const rows = years.flatMap((year, t) => (year >= from && year <= to ? rowsOf(measure, t, of) : []));
  const shown = dressed(rows, measure).sort((a, b) => a.year - b.year);
  return {
    title: `${heading(measure)}, ${yearSpan(from, to)}`,
    subtitle: `${upper(unitText(measure))}. Grey: all other ${measure.pairs ? "partners" : "economies"}.${intervalNote(measure, "Bands")}`,
    note: source(measure),
    spec: lineChart(shown, { ...size, from, to }),
    csv: () => longRows(measure, (year) => year >= from && year <= to, (i) => !measure.pairs || i === of),
  };
}

function barsView(size) {
  const measure = byId.get(state.m);
  const of = placeOf.get(state.of);
  const rows = rowsOf(measure, yearIndex(state.year), of).filter((k) => k.value !== null);
  const shown = dressed(rows, measure).sort((a, b) => b.value - a.value);
  return {
    title: `${heading(measure)}, ${state.year}`,
    subtitle: `${upper(unitText(measure))}, from the largest to the smallest.${intervalNote(measure, "Error bars")}`,
    note: source(measure),
    spec: shown.length ? barChart(shown, size) : null,
    csv: () => longRows(measure, (year) => year === Number(state.year), (i) => !measure.pairs || i === of),
  };
}

// All years have the same colours, so that they can be compared.
function everyValue(measure, of) {
  return years.flatMap((_, t) => rowsOf(measure, t, of).map((k) => scaled(measure, k.value)));
}

function mapView(size) {
  const measure = byId.get(state.m);
  const of = placeOf.get(state.of);
  const colours = colouring(measure, everyValue(measure, of));
  const shown = dressed(rowsOf(measure, yearIndex(state.year), of), measure).map((row) => {
    const [x, y] = regions[placeOf.get(row.code)].tile;
    return {
      ...row, x, y, ink: colours.inkOn(row.value),
      colour: row.value === null ? ink("panel") : colours.colour(row.value),
    };
  });
  return {
    title: `${heading(measure)}, ${state.year}`,
    subtitle: `${upper(unitText(measure))}. A square of the same size for every economy, roughly in its place on earth.`,
    note: `${source(measure)}.${colours.flow ? " Colours go by the square root." : ""}`,
    legend: legend(colours, unitText(measure)),
    spec: tileChart(shown, size),
    csv: () => longRows(measure, (year) => year === Number(state.year), (i) => !measure.pairs || i === of),
  };
}

function shownCodes(measure) {
  const t = yearIndex(state.year);
  const there = regions.filter((_, i) => regions.some((__, j) => i !== j
    && (numberOf(measure, t, i, j) !== null || numberOf(measure, t, j, i) !== null)));
  if (state.show === "chosen") return there.filter((k) => isChosen(k.code)).map((k) => k.code);
  return (state.show === "all" ? there : there.slice(0, 20)).map((k) => k.code);
}

function pairsView(size) {
  const measure = byId.get(state.pair);
  const t = yearIndex(state.year);
  const codes = shownCodes(measure);
  const places = codes.map((k) => placeOf.get(k));
  const each = (year, keep) => places.flatMap((i) => places.filter((j) => j !== i).map((j) => keep(i, j, scaled(measure, numberOf(measure, year, i, j)))));
  const colours = colouring(measure, years.flatMap((_, year) => each(year, (i, j, value) => value)));
  const cells = each(t, (i, j, value) => ({
    row: regions[i].code, column: regions[j].code,
    colour: value === null ? ink("panel") : colours.colour(value),
    tip: [
      `${regions[i].name} with ${regions[j].name}`,
      `${state.year}: ${valueText(measure, numberOf(measure, t, i, j))}`,
      ...intervalText(measure, numberOf(measure, t, i, j, "low"), numberOf(measure, t, i, j, "high")),
      `${regions[j].name} with ${regions[i].name}: ${valueText(measure, numberOf(measure, t, j, i))}`,
    ].join("\n"),
  }));
  const sides = measure.signed ? " Blue: the row has a surplus, orange: a deficit." : "";
  return {
    title: `${upper(measure.title)} of each economy with each partner, ${state.year}`,
    subtitle: `${upper(unitText(measure))}; rows with columns, the largest economies first.${sides}`,
    note: `${source(measure)}.${colours.flow ? " Colours go by the square root." : ""}`,
    legend: legend(colours, unitText(measure)),
    spec: codes.length > 1 ? heatChart(cells, codes, size) : null,
    empty: "Choose two economies or more.",
    csv: () => longRows(measure, (year) => year === Number(state.year), (i, j) => i !== j && places.includes(i) && places.includes(j)),
  };
}

function scatterView(size) {
  const [x, y] = [byId.get(state.x), byId.get(state.y)];
  const area = byId.get(state.size);
  const last = yearIndex(state.year);
  const all = years.flatMap((year, t) => regions.map((region, k) => ({
    t, year, code: region.code, name: region.name, chosen: isChosen(region.code),
    x: scaled(x, numberOf(x, t, k)), y: scaled(y, numberOf(y, t, k)),
    size: area ? numberOf(area, t, k) : null,
    colour: isChosen(region.code) ? colourOf(region.code) : ink("quiet"),
    ink: textColourOf(region.code),
    label: size.narrow ? region.code : region.name,
    tip: [
      region.name === region.code ? region.name : `${region.name} (${region.code})`, String(year),
      ...[x, y, ...(area ? [area] : [])].flatMap((k2) => [
        `${upper(k2.title)}: ${valueText(k2, numberOf(k2, t, k))}`,
        ...intervalText(k2, numberOf(k2, t, k, "low"), numberOf(k2, t, k, "high")),
      ]),
    ].join("\n"),
  }))).filter((k) => k.x !== null && k.y !== null && (!area || k.size !== null));
  const points = all.filter((k) => k.t === last).sort((a, b) => a.chosen - b.chosen || (b.size ?? 0) - (a.size ?? 0));
  const trails = all.filter((k) => k.chosen && k.t <= last);
  const since = Math.min(...trails.map((k) => k.year));
  const about = [
    ...(since < Number(state.year) ? [`Lines: the way since ${since}.`] : []),
    ...(area ? [`Area: ${area.title}.`] : []),
  ];
  const axis = (of, name) => ({ name: `${upper(of.title)}${of.unit ? `, ${unitText(of)}` : ""}`, bounds: boundsOf(all.map((k) => k[name])) });
  return {
    title: `${upper(shortTitle(y))} against ${shortTitle(x)}, ${state.year}`,
    subtitle: about.join(" "),
    note: source(x, y, ...(area ? [area] : [])),
    spec: points.length ? scatterChart(points, trails, {
      ...size, x: axis(x, "x"), y: axis(y, "y"), most: area ? Math.max(...all.map((k) => k.size), 0) : 0,
    }) : null,
    csv: () => [...new Set([x, y, ...(area ? [area] : [])])].flatMap((k) => longRows(k, (year) => year === Number(state.year))),
  };
}

function tableView() {
  const measure = byId.get(state.m);
  const of = placeOf.get(state.of);
  const [from, to] = [Number(state.from), Number(state.to)];
  const shown = years.filter((year) => year >= from && year <= to);
  const rows = regions.map((region, k) => ({
    chosen: isChosen(region.code),
    cells: [
      region.name === region.code ? region.name : `${region.name} (${region.code})`,
      ...shown.map((year) => (measure.pairs
        ? numberOf(measure, yearIndex(year), of, k) : numberOf(measure, yearIndex(year), k)))
        .map((value) => (value === null ? "" : alikeText(measure, value, 1))),
    ],
  }));
  return {
    title: `${heading(measure)}, ${yearSpan(from, to)}`,
    subtitle: `${upper(unitText(measure))}.`,
    note: source(measure),
    table: { header: ["", ...shown.map(String)], rows },
    csv: () => longRows(measure, (year) => year >= from && year <= to, (i) => !measure.pairs || i === of),
  };
}

const DRAW = {
  lines: linesView, bars: barsView, map: mapView, pairs: pairsView, scatter: scatterView, table: tableView,
};
// The choices of each view, by the key of the state that they set.
const CHOICES = {
  lines: ["m", "of", "from", "to"], bars: ["m", "of"], map: ["m", "of"],
  pairs: ["pair", "show"], scatter: ["x", "y", "size"], table: ["m", "of", "from", "to"],
};
const WITH_SLIDER = ["bars", "map", "pairs", "scatter"];
