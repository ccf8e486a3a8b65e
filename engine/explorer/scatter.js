// One measure against another: its chart and its view.

// Ticks at 1, 2 and 5 times powers of ten.
function logTicks([low, high]) {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const all = Array.from({ length: last - first + 1 }, (_, k) => 10 ** (first + k));
  const fine = last - first > 2 ? all : all.flatMap((k) => [k, 2 * k, 5 * k]);
  return fine.filter((k) => k >= low && k <= high);
}

// Names that have room above, below or beside their circle, in full or as a code; those
// that come first before all others. `taken` are the boxes of names that are there.
function withRoom(points, taken, right, bottom, place) {
  const free = ([a, b, c, d]) => taken.every(([e, f, g, h]) => c < e || g < a || d < f || h < b);
  return points.filter((k) => {
    const [x, y] = place(k);
    for (const label of new Set([k.label, k.code])) {
      const half = textWidth([label], 13) / 2;
      const aside = k.radius + 4 + half;
      for (const [dx, dy] of [[0, -k.radius - 10], [0, k.radius + 11], [aside, 0], [-aside, 0]]) {
        const [from, to] = [x + dx - half, x + dx + half];
        const nudge = dx || Math.max(-from, 0) - Math.max(to - right, 0);
        const box = [x + nudge - half, y + dy - 7, x + nudge + half, y + dy + 7];
        if (!free(box) || box[0] < -1 || box[2] > right + 1 || box[1] < -18 || box[3] > bottom) continue;
        taken.push(box);
        Object.assign(k, { label, nudge, dy });
        return true;
      }
    }
    return false;
  });
}

function scatterChart(points, trails, { width, narrow, x, y, most }) {
  const height = narrow ? 340 : 470;
  const axisOf = (of, count) => (of.log ? { values: logTicks(of.bounds), format: "~s" } : valueAxis(of.bounds, count));
  const vertical = axisOf(y, 6);
  const left = (y.log ? 40 : axisWidth(vertical)) + 16;
  const titles = { y: wrapped(`\u2191 ${y.name}`, width - 20), x: wrapped(`${x.name} \u2192`, width - 30) };
  const [above, below] = [20 + 15 * titles.y.length, 32 + 15 * titles.x.length];
  const side = (field, of, axis) => ({
    field, type: "quantitative", axis,
    scale: { type: of.log ? "log" : "linear", domain: of.bounds, nice: false, ...(of.log ? {} : { zero: false }) },
  });
  const shared = { x: side("x", x, axisOf(x, narrow ? 4 : 7)), y: side("y", y, vertical) };
  const [smallest, widest] = narrow ? [12, 700] : [16, 1500];
  const area = (k) => (most ? smallest + ((widest - smallest) * Math.max(k.size, 0)) / most : 90);
  for (const k of points) Object.assign(k, { area: area(k), radius: Math.sqrt(area(k) / Math.PI) });
  const at = (of, value, length) => {
    const [low, high, k] = of.log ? [...of.bounds, value].map(Math.log) : [...of.bounds, value];
    return (length * (k - low)) / (high - low);
  };
  const inner = Math.max(width - left - 22, 60);
  const place = (k) => [at(x, k.x, inner), height - at(y, k.y, height)];
  const order = points.filter((k) => k.named).sort((a, b) => b.chosen - a.chosen || b.area - a.area);
  const taken = [];
  const names = withRoom(order, taken, inner, height, place);
  const firsts = trails.filter((k) => k.first).map((k) => ({ ...k, label: String(k.year), code: String(k.year), radius: 0 }));
  const starts = withRoom(firsts, taken, inner, height, place);
  const zero = (of, channel) => (of.log ? [] : zeroLine(of.bounds, channel));
  return chart(width, height, [above, 22, below, left], [
    ...zero(x, "x"), ...zero(y, "y"),
    {
      data: { values: trails },
      mark: { type: "line", strokeWidth: 1.6, opacity: 0.75, strokeJoin: "round" },
      encoding: { ...shared, detail: { field: "code" }, order: { field: "year" }, stroke: fill },
    },
    {
      data: { values: starts },
      mark: { type: "text", fontSize: 10, baseline: "middle", dx: { expr: "datum.nudge" }, dy: { expr: "datum.dy" } },
      encoding: { ...shared, text: { field: "label" }, fill: { field: "ink", type: "nominal", scale: null } },
    },
    {
      data: { values: points },
      mark: { type: "circle", stroke: ink("paper"), strokeWidth: 1 },
      encoding: { ...shared, fill, size: { field: "area", type: "quantitative", scale: null }, tooltip: tip, opacity: { condition: { test: "datum.chosen", value: 0.92 }, value: 0.4 } },
    },
    ...[{ stroke: ink("paper"), strokeWidth: 3.5, strokeJoin: "round" }, {}].map((halo) => ({
      data: { values: names },
      mark: { type: "text", fontWeight: weight, fontSize: 13, baseline: "middle", dx: { expr: "datum.nudge" }, dy: { expr: "datum.dy" }, ...halo },
      encoding: { ...shared, text: { field: "label" }, fill: { field: "ink", type: "nominal", scale: null } },
    })),
    {
      data: { values: [{}] },
      mark: { type: "text", text: titles.y, align: "left", baseline: "top", lineHeight: 15, fill: ink("quiet") },
      encoding: { x: { value: -left + 2 }, y: { value: -above + 4 } },
    },
    {
      data: { values: [{}] },
      mark: { type: "text", text: titles.x, align: "right", baseline: "top", lineHeight: 15, fill: ink("quiet") },
      encoding: { x: { value: width - left - 22 }, y: { value: height + 28 } },
    },
  ]);
}

function scatterView(size) {
  const [x, y] = [byId.get(state.x), byId.get(state.y)];
  const area = byId.get(state.size);
  const last = yearIndex(theYear());
  const all = years.flatMap((year, t) => regions.map((region, k) => ({
    t, year, code: region.code, name: region.name, chosen: isChosen(region.code),
    x: scaled(x, numberOf(x, t, k)), y: scaled(y, numberOf(y, t, k)),
    size: area ? numberOf(area, t, k) : null,
    colour: isChosen(region.code) ? colourOf(region.code) : ink("quiet"),
    ink: textColourOf(region.code),
    label: size.narrow ? region.code : region.name,
    tip: [
      titled(region.code, region.name), String(year),
      ...[x, y, ...(area ? [area] : [])].flatMap((k2) => [
        `${upper(k2.title)}: ${valueText(k2, numberOf(k2, t, k))}`,
        ...intervalText(k2, numberOf(k2, t, k, "low"), numberOf(k2, t, k, "high")),
      ]),
    ].join("\n"),
  }))).filter((k) => k.x !== null && k.y !== null && (!area || k.size !== null));
  const axis = (of, name) => {
    const values = all.map((k) => k[name]);
    // Only where all are above 0.
    const log = [name, "both"].includes(state.log) && Math.min(...values) > 0;
    const bounds = log ? [Math.min(...values) / 1.15, Math.max(...values) * 1.15] : boundsOf(values, { near: false });
    return { name: `${upper(of.title)}${of.unit ? `, ${unitText(of)}` : ""}${log ? `, ${say("log")}` : ""}`, bounds, log };
  };
  const points = all.filter((k) => k.t === last).sort((a, b) => a.chosen - b.chosen || (b.size ?? 0) - (a.size ?? 0));
  // Beside the highlighted ones the three largest circles have names.
  const big = area ? points.toSorted((a, b) => b.size - a.size).slice(0, 3) : [];
  for (const k of points) k.named = k.chosen || big.includes(k);
  const trails = all.filter((k) => k.chosen && k.t <= last);
  const since = Math.min(...trails.map((k) => k.year));
  for (const k of trails) k.first = k.year === since && since < theYear();
  const about = [
    ...(since < theYear() ? [say("Lines: the way since {0}.", String(since))] : []),
    ...(area ? [say("Area: {0}.", area.title)] : []),
  ];
  const short = (k) => k.title.split(/: |，|：/)[0];
  return {
    title: say("{0} against {1}, {2}", upper(short(y)), short(x), theYear()),
    subtitle: about.join(" "),
    used: [...new Set([x, y, ...(area ? [area] : [])])],
    spec: points.length ? scatterChart(points, trails, {
      ...size, x: axis(x, "x"), y: axis(y, "y"), most: area ? Math.max(...all.map((k) => k.size), 0) : 0,
    }) : null,
    csv: () => [...new Set([x, y, ...(area ? [area] : [])])].flatMap((k) => longRows(k, (year) => year === theYear())),
  };
}
