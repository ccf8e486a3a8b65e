// Specifications of Vega-Lite. Sizes are pixels; rows bring their colours and texts.

const FONT = 'system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif';

function config() {
  const axis = {
    domain: false, ticks: false, grid: true, gridColor: ink("line"), labelColor: ink("quiet"),
    labelFont: FONT, labelFontSize: 12, labelPadding: 6, labelFlush: false, title: null,
  };
  return {
    background: null, font: FONT, view: { stroke: null }, axis,
    text: { font: FONT, fontSize: 12, fill: ink("ink") },
  };
}

function chart(width, height, padding, layer, more = {}) {
  const [top, right, bottom, left] = padding;
  return {
    width: Math.max(width - left - right, 60), height, autosize: "none",
    padding: { top, right, bottom, left }, layer, ...more,
  };
}

// Bounds that hold all values, and 0 where it is near or where bars begin.
function boundsOf(values, { zero = false, near = true } = {}) {
  const there = values.filter((k) => k !== null && Number.isFinite(k));
  let [low, high] = there.length ? [Math.min(...there), Math.max(...there)] : [0, 1];
  if (zero || (near && low > 0 && low < 0.4 * high)) low = Math.min(low, 0);
  if (zero || (near && high < 0 && high > 0.4 * low)) high = Math.max(high, 0);
  if (low === high) [low, high] = [low - 1, high + 1];
  const step = stepOf(high - low, 6);
  const rounded = (k) => Number((k * step).toPrecision(12));
  return [rounded(Math.floor(low / step + 1e-9)), rounded(Math.ceil(high / step - 1e-9))];
}

// 1, 2 or 5 times a power of ten, about `count` of them in that length.
function stepOf(length, count) {
  const rough = length / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((k) => rough / power <= k * 1.5) ?? 10);
}

function ticksOf([low, high], count = 6) {
  const step = stepOf(high - low, count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

function textWidth(texts, size = 12) {
  // Chinese letters are as wide as they are tall.
  const units = (text) => [...String(text)].reduce((sum, k) => sum + (k > "\u2e80" ? 1.05 : 0.6), 0);
  return Math.max(0, ...texts.map(units)) * size;
}

// At most so many letters.
function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1).trimEnd()}\u2026` : text;
}

// In lines of at most so many pixels.
function wrapped(text, width, size = 12) {
  const lines = [];
  for (const word of text.split(/(?<=\s)|(?<=[\u3000-\u9fff])/u)) {
    const longer = `${lines.at(-1) ?? ""}${word}`;
    if (lines.length && textWidth([longer.trimEnd()], size) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((k) => k.trimEnd());
}

function valueAxis(bounds, count) {
  const values = ticksOf(bounds, count);
  const step = values.length > 1 ? values[1] - values[0] : 1;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { values, format: `,.${Math.min(digits, 8)}f` };
}

function axisWidth({ values, format }) {
  const digits = Number(/\d+/.exec(format)[0]);
  return textWidth(values.map((k) => k.toLocaleString("en", { minimumFractionDigits: digits })));
}

// The first and the last year, and round ones between where they have room.
function yearTicks(from, to, width) {
  const room = Math.min(8, Math.max(2, Math.floor(width / 55)));
  const step = [1, 2, 5, 10, 20].find((k) => (to - from) / k < room) || 50;
  const between = years.filter((k) => k % step === 0 && k - from >= step * 0.6 && to - k >= step * 0.6);
  return [...new Set([from, ...between, to])];
}

function yearsOf(rows) {
  return [...new Set(rows.map((k) => k.year))].sort((a, b) => a - b);
}

// Places of labels in pixels, moved apart where they would overlap.
function spread(wanted, gap, height) {
  const order = wanted.map((_, k) => k).sort((a, b) => wanted[a] - wanted[b]);
  const placed = order.map((k) => wanted[k]);
  for (let pass = 0; pass < 60; pass += 1) {
    for (let k = 1; k < placed.length; k += 1) {
      const miss = gap - (placed[k] - placed[k - 1]);
      if (miss > 0) {
        placed[k - 1] -= miss / 2;
        placed[k] += miss / 2;
      }
    }
    for (let k = 0; k < placed.length; k += 1) {
      placed[k] = Math.min(Math.max(placed[k], k * gap), height - (placed.length - 1 - k) * gap);
    }
  }
  const result = [];
  order.forEach((k, at) => { result[k] = placed[at]; });
  return result;
}

// A line at 0 where the axis passes it.
function zeroLine([low, high], channel) {
  if (low >= 0 || high <= 0) return [];
  return [{
    data: { values: [{}] }, mark: { type: "rule", color: ink("quiet"), strokeWidth: 1 },
    encoding: { [channel]: { datum: 0 } },
  }];
}

// Names of highlighted economies are bold.
const weight = { expr: "datum.chosen ? 700 : 400" };

const tip = { field: "tip", type: "nominal" };
const fill = { field: "colour", type: "nominal", scale: null };

// Lines over the years; `dash` of a row puts it on a line of its own, dashed. Beside the
// chart it tells where the years are, for the cursor.
function lineChart(rows, { width, from, to, narrow }, { ends: text = (k) => k.label, ticks } = {}) {
  const height = narrow ? 320 : 430;
  const bounds = boundsOf(rows.flatMap((k) => (k.chosen ? [k.value, k.low, k.high] : [k.value])));
  const chosen = rows.filter((k) => k.chosen);
  const ends = [...new Set(chosen.filter((k) => !k.dash).map((k) => k.code))]
    .map((code) => chosen.findLast((k) => k.code === code && k.value !== null && !k.dash))
    .filter(Boolean);
  const down = (value) => (height * (bounds[1] - value)) / (bounds[1] - bounds[0]);
  const places = spread(ends.map((k) => down(k.value)), 15, height);
  const labels = ends.map((k, n) => ({ ...k, at: places[n] }))
    .map((k) => ({ ...k, label: text({ ...k, label: cut(narrow ? k.code : k.name, 26) }) }));
  const axis = valueAxis(bounds, 6);
  const left = axisWidth(axis) + 14;
  const right = textWidth(labels.map((k) => k.label), 13.5) + 16;
  const inner = Math.max(width - left - right, 60);
  const x = {
    field: "year", type: "quantitative", scale: { domain: from === to ? [from - 1, to + 1] : [from, to], nice: false, zero: false },
    axis: { values: ticks ?? yearTicks(from, to, inner), format: "d", grid: Boolean(ticks), labelPadding: 10 },
  };
  const y = (field) => ({ field, type: "quantitative", scale: { domain: bounds, nice: false, zero: false }, axis });
  const shared = { x, y: y("value") };
  const line = { strokeCap: "round", strokeJoin: "round" };
  const spec = chart(width, height, [10, right, 28, left], [
    ...zeroLine(bounds, "y"),
    {
      data: { values: rows.filter((k) => !k.chosen) },
      mark: { type: "line", strokeWidth: 1, color: ink("faint") },
      encoding: { ...shared, detail: { field: "code" } },
    },
    {
      data: { values: chosen.filter((k) => k.low !== null && k.high !== null) },
      mark: { type: "area", opacity: 0.18 },
      encoding: { x, y: y("low"), y2: { field: "high" }, detail: { field: "code" }, fill },
    },
    ...[false, true].map((dash) => ({
      data: { values: chosen.filter((k) => Boolean(k.dash) === dash) },
      mark: { type: "line", ...line, strokeWidth: dash ? 1.8 : 2.4, strokeDash: dash ? [5, 4] : [] },
      encoding: { ...shared, detail: { field: "code" }, stroke: fill },
    })),
    {
      data: { values: from === to ? rows : ends },
      mark: { type: "circle", size: 34, opacity: 1 }, encoding: { ...shared, fill },
    },
    {
      data: { values: labels },
      mark: { type: "text", align: "left", baseline: "middle", dx: 9, fontSize: 13, fontWeight: 600 },
      encoding: {
        x: { value: inner }, y: { field: "at", type: "quantitative", scale: null },
        text: { field: "label" }, fill: { field: "ink", type: "nominal", scale: null },
      },
    },
  ], { resolve: { scale: { x: "shared", y: "shared" } } });
  return { spec, cursor: { left, inner, top: 10, height, from, to, years: yearsOf(rows) } };
}

// One line in a panel of its own for each of `codes`; all have the same scale.
function panelChart(rows, codes, { width, narrow, from, to }) {
  const columns = Math.max(2, Math.floor(width / (narrow ? 165 : 190)));
  const inner = Math.floor((width - 8) / columns) - 46;
  const bounds = boundsOf(rows.flatMap((k) => [k.value, k.low, k.high]));
  const x = {
    field: "year", type: "quantitative", scale: { domain: [from, to], nice: false, zero: false },
    axis: { values: from === to ? [from] : [from, to], format: "d", grid: false, labelFlush: true, labelFontSize: 10 },
  };
  const y = (field) => ({
    field, type: "quantitative", scale: { domain: bounds, nice: false, zero: false },
    axis: { ...valueAxis(bounds, 3), labelFontSize: 10, minExtent: 34, maxExtent: 34 },
  });
  const dot = { type: "circle", size: 90, opacity: 0 };
  return {
    data: { values: rows.filter((k) => k.value !== null) },
    facet: { field: "panel", type: "nominal", sort: codes.map((k) => k.name), header: { title: null, labelAnchor: "start", labelFontSize: 12, labelFontWeight: 600, labelColor: ink("ink"), labelPadding: 2 } },
    columns, spacing: { row: 14, column: 8 }, autosize: { type: "pad" },
    spec: {
      width: inner, height: narrow ? 74 : 92,
      layer: [
        ...zeroLine(bounds, "y"),
        { mark: { type: "area", opacity: 0.2 }, encoding: { x, y: y("low"), y2: { field: "high" }, fill: { field: "line", type: "nominal", scale: null } } },
        { mark: { type: "line", strokeWidth: 2 }, encoding: { x, y: y("value"), stroke: { field: "line", type: "nominal", scale: null } } },
        { mark: dot, encoding: { x, y: y("value"), tooltip: tip } },
      ],
    },
  };
}

// Parts over the years on each other; those below 0 hang from it.
function stackChart(rows, parts, { width, narrow, from, to, unit }) {
  const height = narrow ? 320 : 430;
  const byYear = Map.groupBy(rows, (k) => k.year);
  const sums = [...byYear.values()].flatMap((each) => [
    each.filter((k) => k.value > 0).reduce((a, k) => a + k.value, 0),
    each.filter((k) => k.value < 0).reduce((a, k) => a + k.value, 0),
  ]);
  const bounds = unit === "%" && Math.max(...sums) < 100.5 ? [Math.min(0, ...sums), 100] : boundsOf(sums, { zero: true });
  // Where a label goes: the middle of its part in the last year.
  let [up, down] = [0, 0];
  const middles = parts.map((part) => {
    const value = byYear.get(to)?.find((k) => k.part === part.name)?.value ?? 0;
    const start = value < 0 ? down : up;
    if (value < 0) down += value; else up += value;
    return (height * (bounds[1] - start - value / 2)) / (bounds[1] - bounds[0]);
  });
  const places = spread(middles, 14, height);
  const labels = parts.map((k, n) => ({ label: cut(k.name, narrow ? 17 : 34), at: places[n], ink: k.ink }));
  const axis = valueAxis(bounds, 6);
  const left = axisWidth(axis) + 14;
  const right = textWidth(labels.map((k) => k.label), narrow ? 11 : 12) + 16;
  const inner = Math.max(width - left - right, 60);
  const bars = from === to;
  const spec = chart(width, height, [10, right, 28, left], [
    {
      data: { values: rows },
      mark: bars ? { type: "bar", width: 60 } : { type: "area", line: false, stroke: ink("paper"), strokeWidth: 0.5 },
      encoding: {
        x: { field: "year", type: "quantitative", scale: { domain: bars ? [from - 1, to + 1] : [from, to], nice: false, zero: false }, axis: { values: yearTicks(from, to, inner), format: "d", grid: false, labelPadding: 10 } },
        y: { field: "value", type: "quantitative", stack: "zero", scale: { domain: bounds, nice: false }, axis },
        fill, order: { field: "order", type: "quantitative" }, detail: { field: "part" },
      },
    },
    ...zeroLine(bounds, "y"),
    {
      data: { values: labels },
      mark: { type: "text", align: "left", baseline: "middle", dx: 9, fontSize: narrow ? 11 : 12, fontWeight: 600 },
      encoding: { x: { value: inner }, y: { field: "at", type: "quantitative", scale: null }, text: { field: "label" }, fill: { field: "ink", type: "nominal", scale: null } },
    },
  ], { resolve: { scale: { x: "shared", y: "shared" } } });
  return { spec, cursor: { left, inner, top: 10, height, from, to, years: yearsOf(rows) } };
}

function barChart(rows, { width, narrow }) {
  const step = 19;
  const height = rows.length * step;
  const ends = rows.flatMap((k) => [k.value, k.low, k.high]).filter((k) => k !== null);
  const bounds = boundsOf(ends, { zero: true });
  rows = rows.map((k) => ({ ...k, label: narrow && k.code.length < 9 ? k.code : cut(k.name, narrow ? 16 : 34) }));
  const left = textWidth(rows.map((k) => k.label), 12.5) + 18;
  const texts = textWidth(rows.map((k) => k.text), 12) + 8;
  const negative = bounds[0] < 0;
  // Room beside the bars for their values.
  const inner = Math.max(width - left - (negative ? 2 : 1) * texts, 60);
  const perPixel = (bounds[1] - bounds[0]) / inner;
  const room = [bounds[0] - (negative ? texts * perPixel : 0), bounds[1] + texts * perPixel];
  const y = { field: "code", type: "nominal", sort: null, scale: { domain: rows.map((k) => k.code), paddingInner: 0.28, paddingOuter: 0.14 }, axis: null };
  const x = (field) => ({
    field, type: "quantitative", scale: { domain: room, nice: false, zero: false },
    axis: { ...valueAxis(bounds, narrow ? 4 : 6), orient: "top" },
  });
  const signed = (sign) => rows.filter((k) => (k.value < 0) === (sign < 0));
  const value = (sign) => ({
    data: { values: signed(sign).map((k) => ({ ...k, end: sign < 0 ? Math.min(k.value, k.low ?? k.value) : Math.max(k.value, k.high ?? k.value) })) },
    mark: { type: "text", align: sign < 0 ? "right" : "left", dx: 5 * sign, fontSize: 12 },
    encoding: { x: x("end"), y, text: { field: "text" } },
  });
  return chart(width, height, [24, 0, 6, left], [
    {
      data: { values: rows },
      mark: { type: "bar", cornerRadiusEnd: 1 },
      encoding: { x: x("value"), x2: { datum: 0 }, y, fill, tooltip: tip },
    },
    {
      data: { values: rows.filter((k) => k.low !== null && k.high !== null) },
      mark: { type: "rule", color: ink("ink"), strokeWidth: 1.4 },
      encoding: { x: x("low"), x2: { field: "high" }, y, tooltip: tip },
    },
    value(1), value(-1), ...zeroLine(bounds, "x"),
    {
      data: { values: rows },
      mark: { type: "text", align: "right", fontSize: 12.5, fontWeight: weight },
      encoding: { x: { value: -8 }, y, text: { field: "label" }, tooltip: tip },
    },
  ]);
}

function tileChart(rows, { width }) {
  const columns = 1 + Math.max(...rows.map((k) => k.x));
  const lines = 1 + Math.max(...rows.map((k) => k.y));
  const tile = Math.min(Math.floor(width / columns), 72);
  const gap = tile > 40 ? 3 : 2;
  const place = (name) => ({ field: name, type: "quantitative", scale: null });
  const tiles = rows.map((k) => ({
    ...k, left: k.x * tile, right: (k.x + 1) * tile - gap, top: k.y * tile, bottom: (k.y + 1) * tile - gap,
    middle: k.x * tile + (tile - gap) / 2,
    codeAt: (k.y + (tile > 40 ? 0.36 : 0.47)) * tile, textAt: (k.y + 0.66) * tile,
    short: k.code.length > 6 ? `${k.code.slice(0, 5)}\u2026` : k.code,
  }));
  const own = { field: "ink", type: "nominal", scale: null };
  const text = (at, field, mark) => ({
    data: { values: tiles }, mark: { type: "text", baseline: "middle", ...mark },
    encoding: { x: place("middle"), y: place(at), text: { field }, fill: own, tooltip: tip },
  });
  return chart(columns * tile, lines * tile, [2, 2, 2, 2], [
    {
      data: { values: tiles },
      mark: { type: "rect", cornerRadius: 2 },
      encoding: {
        x: place("left"), x2: { field: "right" }, y: place("top"), y2: { field: "bottom" },
        fill, tooltip: tip,
        stroke: { condition: { test: "datum.chosen", value: ink("ink") }, value: null },
        strokeWidth: { value: 2 },
      },
    },
    text("codeAt", "short", { fontSize: Math.max(8, Math.min(13, tile * 0.3)), fontWeight: 600 }),
    ...(tile > 40 ? [text("textAt", "text", { fontSize: Math.min(11, tile * 0.2) })] : []),
  ]);
}

function heatChart(cells, codes, { width, narrow }) {
  const name = (code) => regions[placeOf.get(code)].name;
  const left = narrow ? 40 : Math.min(textWidth(codes.map(name), 12) + 10, 150);
  const size = Math.max(Math.min(Math.floor((width - left - 4) / codes.length), 34), 8);
  const across = { type: "nominal", sort: null, scale: { domain: codes, paddingInner: 0.06, paddingOuter: 0 } };
  const y = { field: "row", ...across, axis: null };
  const axis = { orient: "top", grid: false, labelAngle: -90, labelAlign: "left", labelBaseline: "middle", labelFontSize: Math.min(11, size), labelColor: ink("ink") };
  const x = { field: "column", ...across, axis };
  return chart(left + size * codes.length + 4, size * codes.length, [46, 4, 4, left], [
    {
      data: { values: cells },
      mark: { type: "rect" },
      encoding: { x, y, fill, tooltip: tip },
    },
    {
      data: { values: codes.map((code) => ({ row: code, label: narrow ? code : name(code), chosen: isChosen(code) })) },
      mark: { type: "text", align: "right", fontSize: Math.min(12, size + 1), fontWeight: weight },
      encoding: { x: { value: -6 }, y, text: { field: "label" } },
    },
  ]);
}
