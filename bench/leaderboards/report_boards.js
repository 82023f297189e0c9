// What the page knows, and what follows from it: no element is touched here.

const packed = Uint8Array.from(atob(document.getElementById("data").textContent), c => c.charCodeAt(0));
const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
const data = await new Response(stream).json();

// a dictionary lies there as {k: place of its names, v: its values}
const unpacked = value => {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(data.shared[value.k].map((name, i) => [name, unpacked(value.v[i])]));
};
const recordOf = number => unpacked(data.records[number]);

const FAMILIES = ["sparse", "sleep", "replay", "regularised", "plain"];
const SHAPES = {
  none: { sign: "●", symbol: "circle", meaning: "keeps none: exemplar-free" },
  some: { sign: "■", symbol: "square", meaning: "keeps some" },
  unknown: { sign: "◆", symbol: "diamond", meaning: "not counted in its records" },
};
const shapeOf = row => row.stored === null ? "unknown" : row.stored > 0 ? "some" : "none";

const percent = (fraction, digits = 1) => fraction === null ? "-" : `${(100 * fraction).toFixed(digits)} %`;
const capText = cap => `${Number((100 * cap).toPrecision(2))} %`;

// a run is [seed, record, normalised accuracy, capacity, memory]
const sizeOf = (run, size) => run[size === "capacity" ? 3 : 4];

// The mean over seeds of the normalised accuracy, 0 for a run above the cap. Its mean over caps that
// are drawn log-uniformly is the score.
const withinCap = (row, size, cap) => {
  const fits = run => sizeOf(run, size) !== null && sizeOf(run, size) <= cap * (1 + 1e-9);
  return row.runs.reduce((sum, run) => sum + (fits(run) ? run[2] : 0), 0) / row.runs.length;
};

const isShown = (row, state) =>
  state.families.has(row.family) && (!state.free || row.stored === 0)
  && state.words.every(word => row.name.toLowerCase().includes(word));

// numbers by value, text by letters, what was not measured last whatever the direction
const inOrder = (a, b, descending) => {
  if (a === null || b === null) return (a === null) - (b === null);
  const ascending = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return descending ? -ascending : ascending;
};

// the first with the most rows, else the first
const boardToBegin = () => data.boards.reduce((best, one) => one.rows.length > best.rows.length ? one : best);
