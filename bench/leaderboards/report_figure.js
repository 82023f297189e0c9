// Accuracy against size, drawn by Vega-Lite; its expressions are interpreted, so no eval is needed.

let view = null, drawing = 0;

const AXIS = {
  labelColor: "var(--dim)", titleColor: "var(--dim)", gridColor: "var(--line)", domainColor: "var(--line)",
  tickColor: "var(--line)", labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal",
};

const PERCENT = "format(100 * datum.value, '.12~g') + ' %'";

// of a long name what tells it apart: its hyper-parameters
const shortened = name => {
  const told = name.length > 30 ? name.split(" (").at(-1) : name;
  return told.length > 30 ? `${told.slice(0, 29)}…` : told;
};

const pointOf = (row, index, size) => ({
  index, name: row.name, family: row.family, shape: shapeOf(row), ranked: row.ranked,
  accuracy: row.accuracy[0], low: row.accuracy[1] ?? row.accuracy[0], high: row.accuracy[2] ?? row.accuracy[0],
  size: Math.min(Math.max(row[size], data.caps[0]), data.caps[1]),
  short: shortened(row.name),
  told: `${row.name}: ${percent(row.accuracy[0])} accuracy at ${percent(row[size])} of the ${size}`,
});

const pointsOf = (board, state) => board.rows
  .map((row, index) => isShown(row, state) && row.accuracy[0] !== null && row[state.size] !== null
    ? pointOf(row, index, state.size) : null)
  .filter(Boolean).sort((a, b) => a.size - b.size || a.accuracy - b.accuracy);

const accuracies = (board, points) => {
  const ends = points.flatMap(point => [point.low, point.high]);
  if (board.joint !== null) ends.push(board.joint);
  if (!ends.length) return [0, 1];
  const low = Math.min(...ends), high = Math.max(...ends), room = Math.max(.06 * (high - low), .01);
  const near = board.chance !== null && low - board.chance < .2 * (high - board.chance);
  return [Math.max(0, (near ? Math.min(low, board.chance) : low) - room), Math.min(1.005, high + room)];
};

// the lines of chance and of joint training, where they are within the axis
const boundsOf = (board, [low, high]) => [["chance", board.chance], ["joint training", board.joint]]
  .filter(([, at]) => at !== null && at >= low && at <= high).map(([name, at]) => ({ name, at }));

const capLayers = () => [
  {
    data: { values: [{}] }, mark: { type: "rect", color: "var(--shade)", aria: false },
    encoding: { x: { datum: { expr: "cap" }, type: "quantitative" }, x2: { value: "width" } },
  },
  {
    data: { values: [{}] }, mark: { type: "rule", color: "var(--link)", strokeWidth: 1.5, aria: false },
    encoding: { x: { datum: { expr: "cap" }, type: "quantitative" } },
  },
];

const boundLayers = bounds => [
  {
    data: { values: bounds }, mark: { type: "rule", color: "var(--dim)", strokeDash: [3, 3], aria: false },
    encoding: { y: { field: "at", type: "quantitative" } },
  },
  {
    data: { values: bounds },
    mark: { type: "text", align: "left", dx: 4, dy: -6, fontSize: 11, color: "var(--dim)", aria: false },
    encoding: { y: { field: "at", type: "quantitative" }, x: { value: 0 }, text: { field: "name", type: "nominal" } },
  },
];

const pointLayers = () => {
  const color = {
    field: "family", type: "nominal", legend: null,
    scale: { domain: FAMILIES, range: FAMILIES.map(family => `var(--${family})`) },
  };
  const opacity = { condition: { test: "datum.size <= cap * 1.000000001", value: 1 }, value: .25 };
  return [
    {
      data: { name: "rows" }, mark: { type: "rule", aria: false },
      encoding: {
        x: { field: "size", type: "quantitative" }, y: { field: "low", type: "quantitative" },
        y2: { field: "high" }, color, opacity,
      },
    },
    {
      name: "points", data: { name: "rows" },
      mark: { type: "point", size: 95, strokeWidth: 1.5, cursor: "pointer" },
      encoding: {
        x: { field: "size", type: "quantitative" }, y: { field: "accuracy", type: "quantitative" },
        fill: color, stroke: color, opacity, tooltip: { field: "name", type: "nominal" },
        description: { field: "told", type: "nominal" },
        fillOpacity: { condition: { test: "datum.ranked", value: .9 }, value: 0 },
        shape: {
          field: "shape", type: "nominal", legend: null,
          scale: { domain: Object.keys(SHAPES), range: Object.values(SHAPES).map(one => one.symbol) },
        },
      },
    },
  ];
};

const figureSpec = (board, points, state) => {
  const domain = accuracies(board, points);
  return {
    width: "container", height: "container", autosize: { type: "fit", contains: "padding" },
    padding: { left: 2, right: 14, top: 8, bottom: 2 }, background: "transparent",
    config: { view: { stroke: null }, font: "system-ui, DejaVu Sans, sans-serif" },
    params: [{ name: "cap", value: state.cap }],
    datasets: { rows: points },
    layer: [...capLayers(), ...boundLayers(boundsOf(board, domain)), ...pointLayers()],
    encoding: {
      x: {
        title: `${state.size}, share of the dense model`, scale: { type: "log", domain: data.caps, nice: false },
        axis: { ...AXIS, values: [.01, .03, .1, .3, 1, 3, 10], labelExpr: PERCENT, grid: false },
      },
      y: { title: "final average accuracy", scale: { domain, zero: false, nice: false }, axis: { ...AXIS, labelExpr: PERCENT, tickCount: 6 } },
    },
  };
};

// names beside the points, where they are in the way of nothing: Vega can, Vega-Lite cannot
const withNames = spec => {
  spec.marks.push({
    type: "text", from: { data: "points_marks" }, interactive: false, aria: false,
    encode: {
      update: {
        text: { field: "datum.short" }, fontSize: { value: 11 }, fill: { value: "var(--ink)" },
        fillOpacity: { field: "opacity" },
      },
    },
    transform: [{
      type: "label", size: { signal: "[width, height]" }, offset: [5],
      anchor: ["right", "left", "top", "bottom", "top-right", "bottom-right", "top-left", "bottom-left"],
    }],
  });
  return spec;
};

const figure = document.getElementById("figure"), tip = document.getElementById("tip");

const showTip = (lines, [title, x, y]) => {
  const list = make("dl", undefined, "facts");
  for (const [name, value] of lines) list.append(make("dt", name), make("dd", value));
  tip.replaceChildren(make("strong", title), list);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${y + 14 + height > innerHeight ? Math.max(4, y - height - 10) : y + 14}px`;
};

const tellPoint = (board, state, datum, x, y) => {
  const row = board.rows[datum.index], [mean, low, high] = row.accuracy.map(one => percent(one));
  showTip([
    ["accuracy", row.accuracy[1] === null ? mean : `${mean} [${low}, ${high}]`],
    ["capacity", percent(row.capacity)], ["memory", percent(row.memory)],
    ["score", row.score === null ? "-" : row.score.toFixed(3)],
    [`within ${capText(state.cap)}`, withinCap(row, state.size, state.cap).toFixed(3)],
    ["stored examples", row.stored === null ? "not counted" : Math.round(row.stored).toLocaleString("en")],
    ["family", row.ranked ? row.family : "upper bound, not ranked"],
  ], [row.name, x, y]);
};

// one stop for the tabulator key; arrows go from point to point
const points = () => Array.from(figure.querySelectorAll(".points_marks path"));
const makeFocusable = () => points().forEach((point, i) => point.setAttribute("tabindex", i ? -1 : 0));

figure.addEventListener("keydown", event => {
  const every = points(), at = every.indexOf(document.activeElement);
  const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
  if (at < 0 || !(step || event.key === "Enter")) return;
  event.preventDefault();
  if (!step) return openRow(state.board.rows[every[at].__data__.datum.index]);
  const next = every[(at + step + every.length) % every.length];
  every[at].setAttribute("tabindex", -1);
  next.setAttribute("tabindex", 0);
  next.focus();
});
figure.addEventListener("focusin", event => {
  const datum = event.target.__data__?.datum, box = event.target.getBoundingClientRect();
  if (datum) tellPoint(state.board, state, datum, box.right, box.bottom);
});
figure.addEventListener("focusout", () => { tip.hidden = true; });

// the slider is as wide as the axis, so that its thumb stands on the line of the cap
const alignSlider = () => {
  const thumb = 16, slider = document.getElementById("cap");
  slider.style.marginLeft = `${view.origin()[0] + view.padding().left - thumb / 2}px`;
  slider.style.width = `${view.width() + thumb}px`;
};

const drawFigure = async () => {
  const { board } = state, mine = ++drawing;
  const spec = figureSpec(board, pointsOf(board, state), state);
  const found = await vegaEmbed(figure, spec, {
    mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false, patch: withNames,
    tooltip: (_, event, item) => {
      if (item?.datum?.told) tellPoint(board, state, item.datum, event.clientX, event.clientY);
      else tip.hidden = true;
    },
  });
  if (mine !== drawing) return found.finalize();
  view?.finalize();
  view = found.view;
  view.addEventListener("click", (_, item) => item?.datum?.told && openRow(board.rows[item.datum.index]));
  view.addSignalListener("width", () => setTimeout(alignSlider));
  alignSlider();
  makeFocusable();
};

const moveCap = () => view?.signal("cap", state.cap).run();
