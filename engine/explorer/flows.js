// A Sankey diagram: who sells on the left, who buys on the right. Vega draws its paths.

// Heights in falling order, at least a gap between them; top and bottom of each.
function stacked(codes, size, height, gap) {
  const all = codes.reduce((sum, k) => sum + size(k), 0) || 1;
  const scale = (height - gap * (codes.length - 1)) / all;
  let at = 0;
  return new Map(codes.map((code) => {
    const top = at;
    at += size(code) * scale + gap;
    return [code, { top, scale, used: top, height: size(code) * scale }];
  }));
}

function sankeyChart(links, codes, { width, narrow, name, text }) {
  const height = narrow ? 420 : 520;
  const room = Math.min(textWidth(codes.map((k) => name(k)), 13) + 14, narrow ? 62 : 170);
  const [x0, x1] = [room + 12, width - room - 12];
  const sum = (side, code) => links.filter((k) => k[side] === code).reduce((all, k) => all + k.value, 0);
  const sides = ["from", "to"].map((side) => {
    const order = codes.toSorted((a, b) => sum(side, b) - sum(side, a));
    return { order, at: stacked(order, (k) => sum(side, k), height, narrow ? 5 : 7) };
  });
  const [left, right] = sides;
  const rank = (side, code) => side.order.indexOf(code);
  const ordered = links.toSorted((a, b) => rank(left, a.from) - rank(left, b.from) || rank(right, a.to) - rank(right, b.to));
  const middle = (x0 + x1) / 2;
  const path = (a, b, thick) => `M${x0},${a} C${middle},${a} ${middle},${b} ${x1},${b} `
    + `L${x1},${b + thick[1]} C${middle},${b + thick[1]} ${middle},${a + thick[0]} ${x0},${a + thick[0]} Z`;
  const place = (side, code, value) => {
    const node = side.at.get(code);
    const start = node.used;
    node.used += value * node.scale;
    return [start, value * node.scale];
  };
  const starts = new Map(ordered.map((k) => [k, place(left, k.from, k.value)]));
  const arrivals = ordered.toSorted((a, b) => rank(right, a.to) - rank(right, b.to) || rank(left, a.from) - rank(left, b.from));
  const stops = new Map(arrivals.map((k) => [k, place(right, k.to, k.value)]));
  const ribbons = ordered.map((k) => ({
    path: path(starts.get(k)[0], stops.get(k)[0], [starts.get(k)[1], stops.get(k)[1]]), colour: k.colour, tip: k.tip,
  }));
  const nodes = sides.flatMap((side, n) => side.order.map((code) => ({
    x: n ? x1 : x0 - 12, y: side.at.get(code).top, height: Math.max(side.at.get(code).height, 1),
    colour: isChosen(code) ? colourOf(code) : ink("quiet"), ink: textColourOf(code),
    label: cut(name(code), narrow ? 8 : 24), align: n ? "left" : "right", textAt: n ? x1 + 18 : x0 - 18,
    tip: text(code, n), middle: side.at.get(code).top + side.at.get(code).height / 2,
  })));
  const from = (field) => ({ field });
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    width, height: height + 4, padding: 0, background: null, autosize: "none",
    data: [{ name: "ribbons", values: ribbons }, { name: "nodes", values: nodes }],
    marks: [
      {
        type: "path", from: { data: "ribbons" },
        encode: {
          update: { path: from("path"), fill: from("colour"), fillOpacity: { value: 0.5 }, tooltip: from("tip") },
          hover: { fillOpacity: { value: 0.85 } },
        },
      },
      {
        type: "rect", from: { data: "nodes" },
        encode: { update: { x: from("x"), y: from("y"), width: { value: 12 }, height: from("height"), fill: from("colour"), tooltip: from("tip") } },
      },
      {
        type: "text", from: { data: "nodes" },
        encode: {
          update: {
            x: from("textAt"), y: from("middle"), text: from("label"), align: from("align"), fill: from("ink"),
            baseline: { value: "middle" }, font: { value: FONT }, fontSize: { value: narrow ? 11 : 13 }, fontWeight: { value: 600 },
          },
        },
      },
    ],
  };
}
