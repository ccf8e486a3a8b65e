// The chart as a picture that stands alone: title, unit, legend, source, citation.

const SVG = "http://www.w3.org/2000/svg";

function svgElement(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function svgLines(lines, x, y, { size, colour, bold = false }) {
  const spans = lines.map((k, n) => svgElement("tspan", { x, y: y + n * size * 1.35 }, k));
  return svgElement("text", {
    "font-family": FONT, "font-size": size, fill: colour, "font-weight": bold ? 700 : 400,
  }, ...spans);
}

function rampSvg(stops, x, y, width) {
  const at = (k) => k / (stops.length - 1);
  const colours = stops.map(([colour], k) => svgElement("stop", { offset: at(k), "stop-color": colour }));
  const anchor = (k) => (k === 0 ? "start" : k === stops.length - 1 ? "end" : "middle");
  const texts = stops.map(([, text], k) => svgElement("text", {
    x: x + at(k) * width, y: y + 24, "text-anchor": anchor(k), "font-family": FONT, "font-size": 11, fill: ink("quiet"),
  }, text));
  return [
    svgElement("defs", {}, svgElement("linearGradient", { id: "ramp" }, ...colours)),
    svgElement("rect", { x, y, width, height: 10, fill: "url(#ramp)" }), ...texts,
  ];
}

// Definitions of one or two measures; of more the list beside the chart has them.
function pictureNotes(view) {
  const measured = view.used.filter((k) => k.id);
  const origins = [...new Set(view.used.map((k) => k.group))].map((k) => given.origins[k]).filter(Boolean);
  return [
    ...(measured.length < 3 ? measured : []).map((k) => [
      upper(k.title), say(k.definition), k.formula ? `${say("Formula")}: ${k.formula}.` : "",
    ].filter(Boolean).join(". ").replaceAll("..", ".")).filter((k) => k.includes(". ")),
    noteOf(view),
    ...[...new Set(origins.map((k) => k.citation).filter(Boolean))].map((k) => `${say("Cite")}: ${k}`),
    `${say("Made by")} tivax ${given.version}.`,
  ];
}

function pictureSvg(view) {
  const drawn = $("chart").querySelector("svg");
  const chartSize = { width: Number(drawn.getAttribute("width")), height: Number(drawn.getAttribute("height")) };
  const pad = 18;
  const width = Math.max(chartSize.width, 320) + 2 * pad;
  const room = width - 2 * pad;
  const parts = [];
  let y = pad + 18;
  const put = (text, size, colour, bold, after) => {
    const lines = wrapped(text, room, size * 0.94);
    parts.push(svgLines(lines, pad, y, { size, colour, bold }));
    y += lines.length * size * 1.35 + after;
  };
  put(view.title, 20, ink("ink"), true, 0);
  if (view.subtitle) put(view.subtitle, 13, ink("quiet"), false, 4);
  if (view.ramp) {
    parts.push(...rampSvg(view.ramp, pad, y - 6, Math.min(340, room)));
    y += 34;
  }
  const copy = drawn.cloneNode(true);
  copy.setAttribute("x", pad);
  copy.setAttribute("y", y);
  for (const k of copy.querySelectorAll("[tabindex]")) k.removeAttribute("tabindex");
  parts.push(copy);
  y += chartSize.height + 24;
  for (const text of pictureNotes(view)) put(text, 11, ink("quiet"), false, 2);
  const height = Math.ceil(y + pad - 10);
  const picture = svgElement("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` },
    svgElement("title", {}, view.title),
    svgElement("rect", { width, height, fill: ink("paper") }), ...parts);
  return { text: new XMLSerializer().serializeToString(picture), width, height };
}

async function savePicture(view, kind) {
  const { text, width, height } = pictureSvg(view);
  const name = `${state.view}.${kind}`;
  if (kind === "svg") {
    download(name, text, "image/svg+xml");
    return;
  }
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  context.drawImage(image, 0, 0);
  canvas.toBlob((blob) => download(name, blob, "image/png"), "image/png");
}
