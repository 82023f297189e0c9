// The page: what is chosen, and what a choice changes.

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}
const at = id => document.getElementById(id);

const state = {
  board: boardToBegin(), table: 0, sort: null, cap: 1, size: "capacity", families: new Set(FAMILIES), free: false, words: [],
};
const selects = [0, 1, 2, 3].map(i => at(`choice-${i}`));

// the boards that agree with the first `depth` choices of `wanted`
const agreeing = (wanted, depth) => data.boards.filter(one => wanted.slice(0, depth).every((value, i) => one.choice[i] === value));

// what agrees with the choices up to `depth`, and with as many of the later ones as exist
const nearest = (wanted, depth) => {
  const found = agreeing(wanted, depth + 1), agreed = one => one.choice.findIndex((value, i) => i > depth && value !== wanted[i]);
  return found.reduce((best, one) => (agreed(one) < 0 ? 9 : agreed(one)) > (agreed(best) < 0 ? 9 : agreed(best)) ? one : best);
};

const showChoice = () => selects.forEach((select, i) => {
  const values = [...new Set(agreeing(state.board.choice, i).map(one => one.choice[i]))];
  select.replaceChildren(...values.map(value => new Option(value, value, false, value === state.board.choice[i])));
  if (i === 3) select.parentElement.hidden = values.length < 2;
});

const spans = parts => parts.map(([text, strong]) => strong ? make("strong", text) : text);

const showTables = () => at("tables").replaceChildren(...data.shared[state.board.tables].map(([title], i) => {
  const button = make("button", title);
  button.type = "button";
  button.setAttribute("aria-pressed", i === state.table);
  button.addEventListener("click", () => {
    Object.assign(state, { table: i, sort: state.sort?.key === WITHIN ? state.sort : null });
    for (const other of at("tables").children) other.setAttribute("aria-pressed", other === button);
    buildTable();
  });
  return button;
}));

const showFamilies = () => {
  const there = FAMILIES.filter(family => state.board.rows.some(row => row.family === family));
  state.families = new Set(there);
  at("families").replaceChildren(make("legend", "Family"), ...there.map(family => {
    const label = make("label"), box = make("input");
    Object.assign(box, { type: "checkbox", checked: true, value: family });
    const number = make("span", state.board.rows.filter(row => row.family === family).length, "number");
    label.append(box, make("span", "●", `mark ${family}`), family, number);
    return label;
  }));
};

const showShapes = () => {
  const there = new Set(state.board.rows.map(shapeOf)), bounds = state.board.rows.some(row => !row.ranked);
  const items = Object.entries(SHAPES).filter(([name]) => there.has(name)).map(([, one]) => [one.sign, one.meaning]);
  if (bounds) items.push(["○", "hollow: upper bound"]);
  at("shapes").replaceChildren(...items.map(([sign, meaning]) => {
    const item = make("li");
    item.append(make("span", sign, "mark"), ` ${meaning}`);
    return item;
  }));
  const told = state.board.rows.some(row => row.stored !== null);
  Object.assign(at("free"), { disabled: !told, checked: told && state.free });
  state.free = at("free").checked;
};

const showWords = () => {
  const { board } = state;
  at("leads").replaceChildren(...spans(board.leads));
  at("reading").replaceChildren(...board.reading.flatMap(sentence => [...spans(sentence), " "]));
  at("conditions").querySelector("dl").replaceWith(factsOf(board.facts));
  at("missing").hidden = !board.missing.length;
  at("missing").querySelector("summary").textContent = `Missing cells: ${board.missing.length}`;
  at("missing").querySelector("pre").textContent = board.missing.join("\n");
  at("records").open = false;
  at("records").querySelector("tbody").replaceChildren();
  at("records").querySelector("summary").textContent = `Records: ${board.records.length}, failed and repeated attempts among them`;
};

// who leads within the cap, in one sentence
const showLeader = () => {
  const rows = state.board.rows.filter(row => row.ranked && isShown(row, state)).map(row => [withinCap(row, state.size, state.cap), row]);
  const fit = rows.filter(([value]) => value > 0), best = fit.reduce((a, b) => b[0] > a[0] ? b : a, [0, null]);
  const cap = make("strong", capText(state.cap));
  at("cap").setAttribute("aria-valuetext", `${capText(state.cap)} of the dense model`);
  at("within").replaceChildren("Cap on the ", state.size, ": ", cap, " of the dense model. ", ...best[1]
    ? [make("strong", best[1].name), ` leads within it with a normalised accuracy of ${best[0].toFixed(3)}; ${fit.length} of ${rows.length} rows fit.`]
    : ["No row fits."]);
};

const showFigureTitle = () => { at("figure-title").textContent = `Accuracy against ${state.size}`; };
const showRows = () => { showTable(); showLeader(); drawFigure(); };

const showBoard = () => {
  const tables = data.shared[state.board.tables].length;  // a tuned board has one more
  Object.assign(state, { sort: null, table: state.table < tables ? state.table : 0 });
  showChoice();
  showWords();
  showTables();
  showFamilies();
  showShapes();
  showFigureTitle();
  buildTable();
  showLeader();
  drawFigure();
};

selects.forEach((select, i) => select.addEventListener("change", () => {
  const wanted = state.board.choice.map((value, j) => j === i ? select.value : value);
  state.board = nearest(wanted, i);
  showBoard();
}));
at("cap").addEventListener("input", event => {
  state.cap = 10 ** Number(event.target.value);
  state.sort = { key: WITHIN, descending: true };
  showTable();
  showLeader();
  moveCap();
});
at("size").addEventListener("change", event => { state.size = event.target.value; showFigureTitle(); showRows(); });
at("families").addEventListener("change", event => {
  if (event.target.checked) state.families.add(event.target.value); else state.families.delete(event.target.value);
  showRows();
});
at("free").addEventListener("change", event => { state.free = event.target.checked; showRows(); });
at("words").addEventListener("input", event => {
  state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  showRows();
});
showBoard();
