// Views of tables that are shown by their rows: estimates with intervals, and the
// waterfall of a change.

const tableOfId = (id) => tables.find((k) => tableId(k) === id);

function columnTitle(table, name) {
  return upper(say(table.titles[name].replaceAll("_", " ")));
}

function shownLabel(column, value) {
  return given.names[value] && column !== "term" ? given.names[value] : say(value.replaceAll("\n", " "));
}

// The number that is shown: an estimate, a value, or the first column of numbers.
function valueColumn(table, asked = state.v) {
  if (table.numbers.includes(asked)) return asked;
  return ["estimate", "value", "median", "change", "percent", "p_value", "real_income"].find((k) => table.numbers.includes(k)) ?? table.numbers[0];
}

// Choices that the user made among labels, "model:main;term:TBI".
function kept() {
  return new Map(state.kept.split(";").filter(Boolean).map((k) => k.split(":").map(decodeURIComponent)));
}

function keep(column, value) {
  const now = kept().set(column, value);
  state.kept = [...now].filter(([, k]) => k).map((k) => k.map(encodeURIComponent).join(":")).join(";");
}

// Labels with few values are chosen among; the others name the rows.
function keptColumns(table) {
  return table.labels.filter((name) => {
    const count = new Set(table.columns[name]).size;
    return count > 1 && count <= 60 && count < table.columns[name].length;
  });
}

function rowsKept(table, always = []) {
  const wanted = kept();
  const count = table.columns[table.labels[0] ?? table.numbers[0]].length;
  const columns = keptColumns(table);
  const value = (name) => {
    const there = table.columns[name];
    if (wanted.has(name) && there.includes(wanted.get(name))) return wanted.get(name);
    if (!always.includes(name)) return null;
    return ["real_income", state.of].find((k) => there.includes(k)) ?? there[0];
  };
  const asked = columns.map((name) => [name, value(name)]).filter(([, k]) => k !== null);
  return {
    asked,
    rows: Array.from({ length: count }, (_, k) => k).filter((k) => asked.every(([name, v]) => table.columns[name][k] === v)),
  };
}

// Ends of the interval of a column: those of the table, or 1.96 standard errors.
function endsOf(table, name, row) {
  const own = ["estimate", "tbi", "mean", "coef", "value"].includes(name);
  const column = (end) => table.columns[`${name}_${end}`] ?? (own ? table.columns[end] : undefined);
  const [low, high, se] = [column("ci_low"), column("ci_high"), column("se")];
  if (low && high) return [low[row], high[row]];
  const value = table.columns[name][row];
  if (!se || se[row] === null || value === null) return [null, null];
  return [value - 1.959963984540054 * se[row], value + 1.959963984540054 * se[row]];
}

const STATES = { "turned or gone": 0, smaller: 3, blurred: 6 };
const MOST_ROWS = 160;

function rowsView(size) {
  const table = tableOfId(state.t);
  const name = valueColumn(table);
  const { asked, rows } = rowsKept(table, ["model", "measure"]);
  // Where there is little room, the label that tells most comes first.
  const count = (k) => new Set(rows.map((row) => table.columns[k][row])).size;
  const naming = table.labels.filter((k) => count(k) > 1);
  if (size.narrow) naming.sort((a, b) => count(b) - count(a));
  const remark = (column, row) => (table.columns[column]?.[row] ? [`${columnTitle(table, column)}: ${say(String(table.columns[column][row]))}`] : []);
  const told = rows.map((row) => {
    const [low, high] = endsOf(table, name, row);
    const value = table.columns[name][row];
    const label = naming.map((k) => shownLabel(k, table.columns[k][row])).filter(Boolean).join(", ") || columnTitle(table, name);
    const state_ = table.columns.state?.[row];
    const chosen = table.columns.chosen?.[row] === "True" || state_ === "the model";
    const colour = state_ in STATES ? ofTheme(given.colours[STATES[state_]]) : ofTheme(given.colours[1]);
    return {
      value, low, high, label, chosen, colour: chosen ? ink("ink") : colour, row,
      tip: [label, `${columnTitle(table, name)}: ${numberText(value, 5)}`,
        ...(low === null ? [] : [say("95 % interval {0} to {1}", numberText(low), numberText(high))]),
        ...table.numbers.filter((k) => k !== name).slice(0, 5).flatMap((k) => (table.columns[k][row] === null ? [] : [`${columnTitle(table, k)}: ${numberText(table.columns[k][row])}`])),
        ...["p_value", "wild_p_value"].flatMap((k) => (table.columns[k]?.[row] == null || table.numbers.slice(0, 6).includes(k) ? [] : [`${columnTitle(table, k)}: ${numberText(table.columns[k][row], 3)}`])),
        ...remark("state", row), ...remark("note", row)].join("\n"),
    };
  }).filter((k) => k.value !== null);
  // Threats keep their order, by kind; all else is sorted.
  const ordered = table.columns.state ? told : told.toSorted((a, b) => b.value - a.value);
  const many = ordered.length > MOST_ROWS;
  return {
    title: `${say(table.title)}: ${columnTitle(table, name)}`,
    subtitle: [
      asked.map(([k, v]) => `${columnTitle(table, k)}: ${shownLabel(k, v)}`).join("; "),
      table.columns.state ? say("Red: turned or gone; orange: smaller; dark red: blurred; black: the model.") : "",
      ordered.some((k) => k.low !== null) ? say("Lines: 95 % intervals.") : "",
    ].filter(Boolean).map((k) => (/[.。]$/.test(k) ? k : `${k}.`)).join(" "),
    used: [{ group: table.group, code: table.code, low: ordered.some((k) => k.low !== null) ? 1 : null }],
    remark: rows.length > told.length ? say("{0} rows have no number here.", String(rows.length - told.length)) : "",
    spec: ordered.length ? (many ? curveChart(ordered, size) : dotChart(ordered, size)) : null,
    csv: () => tableCsv(table, rows), header: Object.keys(table.columns),
  };
}

function tableCsv(table, rows) {
  const columns = Object.values(table.columns);
  return rows.map((row) => columns.map((k) => k[row]));
}

function dotChart(rows, { width, narrow }) {
  const step = 18;
  const height = rows.length * step;
  const bounds = boundsOf(rows.flatMap((k) => [k.value, k.low, k.high]), { zero: true });
  const most = narrow ? 22 : 48;
  rows = rows.map((k, n) => ({ ...k, at: (n + 0.5) * step, label: cut(k.label, most), text: numberText(k.value, 3) }));
  const left = textWidth(rows.map((k) => k.label), 12) + 14;
  const right = textWidth(rows.map((k) => k.text), 12) + 14;
  const inner = Math.max(width - left - right, 60);
  const x = (field) => ({
    field, type: "quantitative", scale: { domain: bounds, nice: false, zero: false },
    axis: { ...valueAxis(bounds, narrow ? 3 : 6), orient: "top" },
  });
  const y = { field: "at", type: "quantitative", scale: { domain: [0, height], range: [0, height], nice: false }, axis: null };
  const text = (align, at, field) => ({
    data: { values: rows }, mark: { type: "text", align, fontSize: 12, fontWeight: weight, baseline: "middle" },
    encoding: { x: { value: at }, y, text: { field }, tooltip: tip },
  });
  return chart(width, height, [24, right, 6, left], [
    ...zeroLine(bounds, "x"),
    {
      data: { values: rows.filter((k) => k.low !== null) },
      mark: { type: "rule", strokeWidth: 2, strokeCap: "butt" },
      encoding: { x: x("low"), x2: { field: "high" }, y, stroke: fill, tooltip: tip },
    },
    { data: { values: rows }, mark: { type: "circle", size: 46, opacity: 1 }, encoding: { x: x("value"), y, fill, tooltip: tip } },
    text("right", -8, "label"), text("left", inner + 8, "text"),
  ]);
}

// Many estimates side by side, the largest first: a specification curve.
function curveChart(rows, { width, narrow }) {
  const height = narrow ? 300 : 420;
  const bounds = boundsOf(rows.flatMap((k) => [k.value, k.low, k.high]), { zero: true });
  const axis = valueAxis(bounds, 6);
  const left = axisWidth(axis) + 14;
  rows = rows.map((k, n) => ({ ...k, at: n + 0.5 }));
  const x = { field: "at", type: "quantitative", scale: { domain: [0, rows.length], nice: false }, axis: null };
  const y = (field) => ({ field, type: "quantitative", scale: { domain: bounds, nice: false, zero: false }, axis });
  const size = Math.max(4, Math.min(36, (width / rows.length) ** 2));
  return chart(width, height, [10, 10, 16, left], [
    ...zeroLine(bounds, "y"),
    {
      data: { values: rows.filter((k) => k.low !== null) }, mark: { type: "rule", opacity: 0.35, strokeWidth: 1 },
      encoding: { x, y: y("low"), y2: { field: "high" }, stroke: fill, tooltip: tip },
    },
    {
      data: { values: rows }, mark: { type: "circle", opacity: 1 },
      encoding: { x, y: y("value"), fill, size: { value: size, condition: { test: "datum.chosen", value: 90 } }, tooltip: tip },
    },
  ]);
}

// --------------------------------------------------------------------------- waterfall

function waterfallView(size) {
  const table = tableOfId(state.fall);
  const { asked, rows } = rowsKept(table, keptColumns(table).filter((k) => k !== "factor"));
  const at = (name) => table.columns[name];
  const [region] = rows.map((row) => at("region")[row]);
  const [start, end] = ["start", "end"].map((k) => at(k)?.[rows[0]]);
  // Where the measure itself is on the page, from its own value; else from 0.
  const code = at("measure")?.[rows[0]] ?? "";
  const own = ofCountries.find((k) => k.code === code && ["title", "account"].every((about) => given.origins[k.group]?.[about] === given.origins[table.group]?.[about]));
  const unit = own ?? table;
  const before = own ? scaled(unit, numberOf(own, yearIndex(start), placeOf.get(region))) : null;
  const factors = rows.map((row) => {
    const [value, low, high] = [at("value")[row], ...endsOf(table, "value", row)];
    return { name: say(at("factor")[row]), value: scaled(unit, value), ends: low === null || high === null ? [] : [low, high].map((k) => scaled(unit, k)), tip: [valueText(unit, value), ...intervalText(unit, low, high)].join("\n") };
  });
  const steps = [];
  let level = before ?? 0;
  if (before !== null) steps.push({ name: start, from: 0, to: level, value: level, total: true });
  for (const k of factors) {
    steps.push({ ...k, from: level, to: level + k.value, ends: k.ends.map((end) => level + end) });
    level += k.value;
  }
  steps.push({ name: before === null ? say("change") : end, from: 0, to: level, value: level, total: true });
  const shown = steps.map((k) => ({
    ...k, colour: k.total ? ink("quiet") : ofTheme(k.value < 0 ? given.deficit : given.surplus),
    text: `${k.total || k.value < 0 ? "" : "+"}${numberText(k.value, 3)}`, tip: `${k.name}\n${k.tip ?? `${numberText(k.value, 5)} ${shownUnit(unit).unit === "ratio" ? "" : unitText(unit)}`.trim()}`,
  }));
  return {
    title: say("{0} of {1}: why it changed, {2}", upper(own?.title ?? say(table.measures[code] ?? code)), shownLabel("region", region), yearSpan(start, end)),
    subtitle: `${["ratio", "1"].includes(shownUnit(unit).unit) ? "" : `${upper(unitText(unit))}. `}${say("Blue raises it, orange lowers it; the effects add up to the change.")}${factors.some((k) => k.ends.length) ? ` ${say("Lines: 95 % intervals.")}` : ""}`,
    used: [{ group: table.group, code: table.code, low: null }],
    remark: asked.filter(([k]) => !["region", "measure", "start", "end"].includes(k)).map(([k, v]) => `${columnTitle(table, k)}: ${v}`).join("; "),
    spec: rows.length ? waterfallChart(shown, size) : null,
    csv: () => tableCsv(table, rows), header: Object.keys(table.columns),
  };
}

function waterfallChart(steps, { width, narrow }) {
  const step = narrow ? 30 : 38;
  const height = steps.length * step;
  const bounds = boundsOf(steps.flatMap((k) => [k.from, k.to, ...(k.ends ?? [])]), { zero: true });
  const left = textWidth(steps.map((k) => cut(k.name, 26)), 13) + 16;
  const texts = textWidth(steps.map((k) => k.text), 12) + 10;
  const inner = Math.max(width - left - texts, 60);
  const room = [bounds[0], bounds[1] + (bounds[1] - bounds[0]) * (texts / inner)];
  const x = (field) => ({ field, type: "quantitative", scale: { domain: room, nice: false, zero: false }, axis: { ...valueAxis(bounds, narrow ? 3 : 6), orient: "top" } });
  const y = (field) => ({ field, type: "quantitative", scale: { domain: [0, height], range: [0, height], nice: false }, axis: null });
  const rows = steps.map((k, n) => ({
    ...k, name: cut(k.name, 26), top: n * step + step * 0.16, bottom: (n + 1) * step - step * 0.16, middle: (n + 0.5) * step, next: Math.min((n + 1.5) * step, height - step / 2),
    low: Math.min(k.from, k.to), high: Math.max(k.from, k.to), least: k.ends?.[0], most: k.ends?.[1],
    right: Math.max(k.from, k.to, ...(k.ends ?? [])),
  }));
  return chart(width, height, [24, 0, 6, left], [
    { data: { values: rows.slice(0, -1) }, mark: { type: "rule", color: ink("quiet"), strokeDash: [2, 2] }, encoding: { x: x("to"), y: y("middle"), y2: { field: "next" } } },
    { data: { values: rows }, mark: { type: "rect", cornerRadius: 1 }, encoding: { x: x("low"), x2: { field: "high" }, y: y("top"), y2: { field: "bottom" }, fill, tooltip: tip } },
    { data: { values: rows.filter((k) => k.ends?.length) }, mark: { type: "rule", color: ink("ink"), strokeWidth: 1.2 }, encoding: { x: x("least"), x2: { field: "most" }, y: y("middle") } },
    { data: { values: rows }, mark: { type: "text", align: "left", dx: 5, baseline: "middle", fontSize: 12 }, encoding: { x: x("right"), y: y("middle"), text: { field: "text" } } },
    ...zeroLine(bounds, "x"),
    { data: { values: rows }, mark: { type: "text", align: "right", baseline: "middle", fontSize: 13, fontWeight: { expr: "datum.total ? 700 : 400" } }, encoding: { x: { value: -8 }, y: y("middle"), text: { field: "name" }, tooltip: tip } },
  ]);
}

const DRAW = {
  lines: linesView, panels: panelsView, slope: slopeView, bars: barsView, map: mapView, parts: partsView,
  flows: flowsView, pairs: pairsView, scatter: scatterView, table: tableView, waterfall: waterfallView, rows: rowsView,
};
// The choices of each view, by the key of the state that they set.
const CHOICES = {
  lines: ["m", "of", "other", "from", "to"], panels: ["m", "of", "from", "to"], slope: ["m", "of", "from", "to"],
  bars: ["m", "of"], map: ["m", "of"], parts: ["whole", "of", "as", "from", "to"], flows: ["flow", "count"],
  pairs: ["pair", "show"], scatter: ["x", "y", "size", "log"], table: ["m", "of", "from", "to"],
  waterfall: ["fall"], rows: ["t", "v"],
};
const WITH_SLIDER = ["bars", "map", "flows", "pairs", "scatter"];
