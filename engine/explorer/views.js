// What each view shows: its choices, its words, its chart, its table.

function yearSpan(from, to) {
  return from === to ? String(from) : `${from}\u2013${to}`;
}

function nameOf(code) {
  return regions[placeOf.get(code)].name;
}

// "Gross exports", "Gross exports: China with each partner" or "...: China by sector".
function heading(measure) {
  const name = upper(measure.title);
  if (!measure.side) return name;
  const words = measure.pairs ? "{0}: {1} with each partner" : "{0}: {1} by sector";
  return say(words, name, nameOf(state.of));
}

function titled(code, name) {
  return name === code ? name : `${name} (${code})`;
}

function tipText(row, measure) {
  return [titled(row.code, row.name), `${row.year}: ${valueText(measure, row.value)}`, ...intervalText(measure, row.low, row.high)].join("\n");
}

// The highlighted economies; of sectors the largest six in the last year.
function highlights(measure, of) {
  if (measure.side !== "sector") return { has: isChosen, colour: colourOf, ink: textColourOf };
  const size = new Map(sectors.map((k, n) => [k.code, Math.abs(numberOf(measure, measure.years.at(-1) ?? 0, of, n) ?? 0)]));
  const codes = sectors.map((k) => k.code).toSorted((a, b) => size.get(b) - size.get(a)).slice(0, 6);
  const colour = (code) => (codes.includes(code) ? ofTheme(given.colours[codes.indexOf(code)]) : ink("faint"));
  return { has: (code) => codes.includes(code), colour, ink: (code) => (codes.includes(code) ? textColour(colour(code)) : ink("ink")) };
}

function dressed(rows, measure, of) {
  const shown = highlights(measure, of);
  return rows.map((row) => ({
    ...row, tip: tipText(row, measure), colour: shown.colour(row.code), chosen: shown.has(row.code),
    value: scaled(measure, row.value), low: scaled(measure, row.low), high: scaled(measure, row.high),
    ink: shown.ink(row.code),
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
    ? [ofTheme(given.diverging[0]), ink("middle"), ofTheme(given.diverging[1])]
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
  box.setAttribute("aria-label", say("Colours from {0} to {1} {2}", colours.stops[0][1], colours.stops.at(-1)[1], unit));
  return box;
}

function intervalNote(measure, text) {
  return measure.low === null ? "" : ` ${say(text)}`;
}

// The database, what to cite is below it, and which errors an interval holds.
function source(...used) {
  const groups = [...new Set(used.map((k) => k.group))];
  return groups.map((group) => {
    const from = given.origins[group];
    const codes = [...new Set(used.filter((k) => k.group === group).map((k) => k.code))].join(", ");
    if (!from) return `${codes} (${group})`;
    const errors = from.errors && used.some((k) => k.low !== null && k.low !== undefined) ? `; ${say("errors")}: ${from.errors}` : "";
    const basis = from.basis ? `; ${say(from.basis)}` : "";
    return `${say(from.title)}; ${say("computed by")} ${`tivax ${from.command}`.trim()} (${codes})${errors}${basis}`;
  }).join(" | ");
}

const yearIndex = (year) => years.indexOf(Number(year));
const ofState = () => placeOf.get(state.of);

function ofOne(measure) {
  const of = ofState();
  return (i) => !measure.side || i === of;
}

// What a cursor tells of a year: the highlighted lines, the largest first.
function toldBy(rows, measure, also = () => measure) {
  return (year) => rows.filter((k) => k.year === year && k.chosen && k.value !== null)
    .toSorted((a, b) => b.value - a.value)
    .map((k) => [k.colour, `${k.name}${k.dash ? ` (${k.dash})` : ""}`, valueText(also(k), k.raw)]);
}

function spanRows(measure, from, to) {
  const of = ofState();
  const rows = years.flatMap((year, t) => (year >= from && year <= to ? rowsOf(measure, t, of) : []));
  return dressed(rows.map((k) => ({ ...k, raw: k.value })), measure, of).sort((a, b) => a.year - b.year);
}

function linesView(size) {
  const measure = byId.get(state.m);
  const other = alike(measure).includes(byId.get(state.other)) ? byId.get(state.other) : null;
  const [from, to] = theSpan();
  const shown = spanRows(measure, from, to);
  const title = (k) => given.origins[k.group]?.title ?? k.group;
  const name = (k) => {
    if (k.code !== (k === other ? measure : other)?.code) return k.title;
    return say(title(measure) === title(other) ? k.group : title(k));
  };
  const dashed = other
    ? spanRows(other, from, to).filter((k) => k.chosen && k.value !== null)
      .map((k) => ({ ...k, dash: name(other), low: null, high: null }))
    : [];
  const rest = measure.pairs ? "Grey: all other partners." : measure.side ? "Grey: all other sectors." : "Grey: all other economies.";
  const both = other ? ` ${say("Dashed: {0}; solid: {1}.", name(other), name(measure))}` : "";
  const { spec, cursor } = lineChart([...shown, ...dashed], { ...size, from, to });
  return {
    title: `${heading(measure)}, ${yearSpan(from, to)}`,
    subtitle: `${upper(unitText(measure))}. ${say(rest)}${both}${intervalNote(measure, "Bands: 95 % intervals.")}`,
    used: other ? [measure, other] : [measure],
    spec, cursor: { ...cursor, told: toldBy([...shown, ...dashed], measure) },
    csv: () => [measure, ...(other ? [other] : [])].flatMap((k) => longRows(k, (year) => year >= from && year <= to, ofOne(k))),
  };
}

// Measures on the same scale, to stand on one axis.
function alike(measure) {
  return measures.filter((k) => k !== measure && k.side === measure.side && k.unit === measure.unit
    && (k.group !== measure.group || k.code !== measure.code));
}

function slopeView(size) {
  const measure = byId.get(state.m);
  const [from, to] = theSpan();
  const rows = spanRows(measure, from, to).filter((k) => [from, to].includes(k.year));
  const first = new Map(rows.filter((k) => k.year === from).map((k) => [k.code, k.raw]));
  const short = (value) => alikeText(measure, value, 0);
  const { spec, cursor } = lineChart(rows, { ...size, from, to }, {
    ticks: [from, to],
    ends: (k) => (size.narrow || first.get(k.code) == null ? k.label : `${k.label} ${short(first.get(k.code))} \u2192 ${short(k.raw)}`),
  });
  return {
    title: say("{0}: {1} and {2}", heading(measure), String(from), String(to)),
    subtitle: `${upper(unitText(measure))}. ${say("A line joins the two years; grey: all others.")}`,
    used: [measure], spec, cursor: { ...cursor, told: toldBy(rows, measure) },
    csv: () => longRows(measure, (year) => [from, to].includes(year), ofOne(measure)),
  };
}

// The highlighted ones first, then the largest.
function panelsView(size) {
  const measure = byId.get(state.m);
  const [from, to] = theSpan();
  const shown = spanRows(measure, from, to);
  const there = othersOf(measure).filter((k) => shown.some((row) => row.code === k.code && row.value !== null));
  const count = size.narrow ? 12 : 24;
  const codes = [...there.filter((k) => shown.some((row) => row.code === k.code && row.chosen)), ...there]
    .filter((k, n, all) => all.indexOf(k) === n).slice(0, count).map((k) => ({ ...k, name: cut(k.name, size.narrow ? 18 : 22) }));
  const names = new Map(codes.map((k) => [k.code, k.name]));
  const rows = shown.filter((k) => names.has(k.code)).map((k) => ({ ...k, panel: names.get(k.code), line: k.chosen ? k.colour : ink("accent") }));
  return {
    title: `${heading(measure)}, ${yearSpan(from, to)}`,
    subtitle: `${upper(unitText(measure))}. ${say("One scale for all; {0} of {1}, the highlighted ones first.", String(codes.length), String(there.length))}${intervalNote(measure, "Bands: 95 % intervals.")}`,
    used: [measure], spec: rows.length ? panelChart(rows, codes, { ...size, from, to }) : null,
    csv: () => longRows(measure, (year) => year >= from && year <= to, ofOne(measure)),
  };
}

function barsView(size) {
  const measure = byId.get(state.m);
  const of = ofState();
  const rows = rowsOf(measure, yearIndex(theYear()), of).filter((k) => k.value !== null);
  const shown = dressed(rows, measure, of).sort((a, b) => b.value - a.value);
  return {
    title: `${heading(measure)}, ${theYear()}`,
    subtitle: `${upper(unitText(measure))}, ${say("largest first.")}${intervalNote(measure, "Error bars: 95 % intervals.")}`,
    used: [measure],
    spec: shown.length ? barChart(shown, size) : null,
    csv: () => longRows(measure, (year) => year === theYear(), ofOne(measure)),
  };
}

// Colours of parts as in the static figures: from what stays abroad to what is counted
// twice. Terms of a part are its shades.
const PART_COLOURS = [1, 2, 3].map((k) => given.colours[k]).concat("#BBBBBB", ...[5, 6, 7, 0].map((k) => given.colours[k]));

function composed(whole) {
  const of = ofState();
  if (whole.measure) {
    const { measure } = whole;
    const others = othersOf(measure).map((k, n) => ({ ...k, n })).filter((k) => !measure.pairs || k.n !== of);
    const size = (k) => Math.abs(numberOf(measure, measure.years.at(-1) ?? 0, of, k.n) ?? 0);
    const first = others.toSorted((a, b) => size(b) - size(a)).slice(0, 7);
    const rest = others.filter((k) => !first.includes(k));
    const at = (list, t) => list.reduce((sum, k) => sum + (numberOf(measure, t, of, k.n) ?? 0), 0);
    return [
      ...first.map((k, n) => ({ name: k.name, colour: given.colours[n], values: years.map((_, t) => at([k], t)) })),
      ...(rest.length ? [{ name: say("all others"), colour: "#BBBBBB", values: years.map((_, t) => at(rest, t)) }] : []),
    ].reverse();
  }
  const parts = [...new Set(whole.terms.map((k) => k.part))];
  return parts.map((part, n) => ({
    name: say(part), colour: PART_COLOURS[n % PART_COLOURS.length],
    values: years.map((_, t) => whole.terms.filter((k) => k.part === part)
      .reduce((sum, k) => sum + (totalOf(k, t, of) ?? 0), 0)),
  }));
}

function partsView(size) {
  const whole = wholes.get(state.whole);
  const used = whole.measure ? [whole.measure] : whole.terms;
  const [from, to] = theSpan();
  const parts = composed(whole).map((k) => ({ ...k, colour: ofTheme(k.colour), ink: textColour(ofTheme(k.colour)) }));
  const shares = state.as === "shares";
  const sums = years.map((_, t) => parts.reduce((sum, k) => sum + k.values[t], 0));
  const [unit] = used;
  const rows = parts.flatMap((part, order) => years.map((year, t) => ({
    year, part: part.name, order, colour: part.colour, chosen: true, name: part.name,
    value: shares ? (100 * part.values[t]) / sums[t] : scaled(unit, part.values[t]),
  }))).filter((k) => k.year >= from && k.year <= to && Number.isFinite(k.value));
  const { spec, cursor } = rows.length ? stackChart(rows, parts, { ...size, from, to, unit: shares ? "%" : "" }) : {};
  const told = (year) => rows.filter((k) => k.year === year).reverse()
    .map((k) => [k.colour, k.name, shares ? `${numberText(k.value, 3)} %` : `${numberText(k.value)} ${say(shownUnit(unit).unit)}`]);
  return {
    title: `${upper(whole.heading)}: ${nameOf(state.of)}, ${yearSpan(from, to)}`,
    subtitle: shares ? say("Per cent of the whole.") : `${upper(unitText(unit))}.`,
    used, spec, cursor: cursor && { ...cursor, told },
    csv: () => used.flatMap((k) => longRows(k, (year) => year >= from && year <= to, ofOne({ side: true }))),
  };
}

function flowsView(size) {
  const measure = byId.get(state.flow);
  const t = yearIndex(theYear());
  const there = regions.map((k, n) => ({ ...k, n })).filter((k) => !k.rest);
  const chosen = [...there.filter((k) => isChosen(k.code)), ...there]
    .filter((k, n, all) => all.indexOf(k) === n).slice(0, Number(state.count));
  const codes = chosen.map((k) => k.code);
  const links = chosen.flatMap((a) => chosen.filter((b) => b !== a).map((b) => {
    const value = numberOf(measure, t, a.n, b.n);
    return {
      from: a.code, to: b.code, value: value ?? 0, colour: isChosen(a.code) ? colourOf(a.code) : ink("faint"),
      tip: `${say("{0} to {1}", a.name, b.name)}\n${theYear()}: ${valueText(measure, value)}`,
    };
  })).filter((k) => k.value > 0);
  const total = (side, code) => links.filter((k) => k[side] === code).reduce((sum, k) => sum + k.value, 0);
  return {
    title: say("{0} between {1} economies, {2}", upper(measure.title), String(codes.length), theYear()),
    subtitle: `${upper(unitText(measure))}. ${say("Left: from whom; right: to whom. Flows within an economy and with all others are left out.")}`,
    used: [measure],
    spec: links.length ? sankeyChart(links, codes, {
      ...size, name: (code) => (size.narrow ? code : nameOf(code)),
      text: (code, n) => `${titled(code, nameOf(code))}\n${say(n ? "from these economies: {0}" : "to these economies: {0}", valueText(measure, total(n ? "to" : "from", code)))}`,
    }) : null,
    csv: () => longRows(measure, (year) => year === theYear(), (i, j) => i !== j && codes.includes(regions[i].code) && codes.includes(regions[j].code)),
  };
}

// All years have the same colours, so that they can be compared.
function everyValue(measure, of) {
  return years.flatMap((_, t) => rowsOf(measure, t, of).map((k) => scaled(measure, k.value)));
}

function mapView(size) {
  const measure = byId.get(state.m);
  const of = ofState();
  const colours = colouring(measure, everyValue(measure, of));
  const shown = dressed(rowsOf(measure, yearIndex(theYear()), of), measure, of).map((row) => {
    const [x, y] = regions[placeOf.get(row.code)].tile;
    return {
      ...row, x, y, ink: colours.inkOn(row.value),
      colour: row.value === null ? ink("panel") : colours.colour(row.value),
    };
  });
  return {
    title: `${heading(measure)}, ${theYear()}`,
    subtitle: `${upper(unitText(measure))}. ${say("A square of the same size for every economy, roughly in its place on earth.")}`,
    used: [measure], remark: colours.flow ? say("Colours go by the square root.") : "", ramp: colours.stops,
    legend: legend(colours, unitText(measure)),
    spec: tileChart(shown, size),
    csv: () => longRows(measure, (year) => year === theYear(), ofOne(measure)),
  };
}

function shownCodes(measure) {
  const t = yearIndex(theYear());
  const there = regions.filter((_, i) => regions.some((__, j) => i !== j
    && (numberOf(measure, t, i, j) !== null || numberOf(measure, t, j, i) !== null)));
  if (state.show === "chosen") return there.filter((k) => isChosen(k.code)).map((k) => k.code);
  return (state.show === "all" ? there : there.slice(0, 20)).map((k) => k.code);
}

function pairsView(size) {
  const measure = byId.get(state.pair);
  const t = yearIndex(theYear());
  const codes = shownCodes(measure);
  const places = codes.map((k) => placeOf.get(k));
  const each = (year, keep) => places.flatMap((i) => places.filter((j) => j !== i).map((j) => keep(i, j, scaled(measure, numberOf(measure, year, i, j)))));
  const colours = colouring(measure, years.flatMap((_, year) => each(year, (i, j, value) => value)));
  const cells = each(t, (i, j, value) => ({
    row: regions[i].code, column: regions[j].code,
    colour: value === null ? ink("panel") : colours.colour(value),
    tip: [
      say("{0} with {1}", regions[i].name, regions[j].name),
      `${theYear()}: ${valueText(measure, numberOf(measure, t, i, j))}`,
      ...intervalText(measure, numberOf(measure, t, i, j, "low"), numberOf(measure, t, i, j, "high")),
      `${say("{0} with {1}", regions[j].name, regions[i].name)}: ${valueText(measure, numberOf(measure, t, j, i))}`,
    ].join("\n"),
  }));
  const sides = measure.signed ? ` ${say("Blue: the row has a surplus, red: a deficit.")}` : "";
  return {
    title: say("{0} of each economy with each partner, {1}", upper(measure.title), theYear()),
    subtitle: `${upper(unitText(measure))}; ${say("rows with columns, the largest economies first.")}${sides}`,
    used: [measure], remark: colours.flow ? say("Colours go by the square root.") : "", ramp: colours.stops,
    legend: legend(colours, unitText(measure)),
    spec: codes.length > 1 ? heatChart(cells, codes, size) : null,
    empty: say("Choose two economies or more."),
    csv: () => longRows(measure, (year) => year === theYear(), (i, j) => i !== j && places.includes(i) && places.includes(j)),
  };
}

function tableView() {
  const measure = byId.get(state.m);
  const of = ofState();
  const [from, to] = theSpan();
  const shown = years.filter((year) => year >= from && year <= to);
  const rows = othersOf(measure).map((one, k) => ({
    chosen: highlights(measure, of).has(one.code),
    cells: [
      titled(one.code, one.name),
      ...shown.map((year) => numberOf(measure, yearIndex(year), measure.side ? of : k, k))
        .map((value) => (value === null ? "" : alikeText(measure, value, 1))),
    ],
  }));
  const side = { "": "Economy", partner: "Partner", sector: "Sector" }[measure.side];
  return {
    title: `${heading(measure)}, ${yearSpan(from, to)}`,
    subtitle: `${upper(unitText(measure))}.`,
    used: [measure],
    table: { header: [say(side), ...shown.map(String)], rows },
    csv: () => longRows(measure, (year) => year >= from && year <= to, ofOne(measure)),
  };
}
