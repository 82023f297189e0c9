// The table: native HTML, as sorting and filtering take fewer lines than a library's settings.

const table = document.getElementById("board");
const WITHIN = "within";

const headingsOf = columns => {
  const found = columns.map(([name, title, meaning], i) => ({ key: i, name, title, meaning: meaning.replaceAll("`", "") }));
  const after = found.findIndex(column => column.name === "name") + 1;
  const within = {
    key: WITHIN, name: WITHIN, title: "within the cap",
    meaning: "normalised accuracy, from 0 at chance to 1 at joint training; 0 for runs above the cap",
  };
  return [...found.slice(0, after), within, ...found.slice(after)];
};

const isText = name => ["name", "family", "reproduced", "seeds", "chosen"].includes(name);

const buildHead = headings => {
  const line = make("tr");
  for (const heading of headings) {
    const cell = make("th", undefined, isText(heading.name) ? "text" : ""), button = make("button", heading.title);
    button.type = "button";
    cell.scope = "col";
    cell.title = heading.meaning;
    cell.dataset.key = heading.key;
    button.addEventListener("click", () => sortBy(heading.key));
    cell.append(button);
    line.append(cell);
  }
  table.tHead.replaceChildren(line);
};

const nameCell = row => {
  const cell = make("th", undefined, "text"), button = make("button", undefined, "name");
  const sign = make("span", row.ranked ? SHAPES[shapeOf(row)].sign : "○", `mark ${row.family}`);
  sign.setAttribute("aria-hidden", "true");
  cell.scope = "row";
  button.type = "button";
  button.append(sign, make("span", row.name));
  button.addEventListener("click", () => openRow(row));
  cell.append(button);
  return cell;
};

const buildRow = (row, headings) => {
  const line = make("tr", undefined, row.ranked ? "" : "bound");
  for (const { key, name } of headings) {
    if (name === "name") line.append(nameCell(row));
    else line.append(make("td", key === WITHIN ? "" : row.cells[state.table][key][0], key === WITHIN ? "within" : isText(name) ? "text" : ""));
  }
  return line;
};

let lines = new Map();

const buildTable = () => {
  const [, caption, columns] = data.shared[state.board.tables][state.table];
  const headings = headingsOf(columns);
  table.caption.textContent = caption;
  buildHead(headings);
  lines = new Map(state.board.rows.map(row => [row, buildRow(row, headings)]));
  showTable();
};

const keyOf = row => {
  if (state.sort.key === WITHIN) return withinCap(row, state.size, state.cap);
  const [text, number] = row.cells[state.table][state.sort.key];
  return text === "-" ? null : number ?? text;
};

// upper bounds stay below; rows that are equal keep the order of the board, which is by score
const ordered = rows => {
  const keys = state.sort && new Map(rows.map(row => [row, keyOf(row)]));
  return [...rows].sort((a, b) =>
    b.ranked - a.ranked || (keys ? inOrder(keys.get(a), keys.get(b), state.sort.descending) : 0));
};

const showWithin = () => {
  for (const [row, line] of lines) {
    const cell = line.querySelector(".within"), value = withinCap(row, state.size, state.cap);
    cell.textContent = value.toFixed(3);
    cell.classList.toggle("none", value === 0);
    cell.style.setProperty("--filled", `${100 * value}%`);
  }
};

const showTable = () => {
  showWithin();
  for (const cell of table.tHead.rows[0].cells) {
    if (state.sort && cell.dataset.key === String(state.sort.key)) {
      cell.setAttribute("aria-sort", state.sort.descending ? "descending" : "ascending");
    } else cell.removeAttribute("aria-sort");
  }
  const rows = ordered(state.board.rows.filter(row => isShown(row, state)));
  table.tBodies[0].replaceChildren(...rows.map(row => lines.get(row)));
  const every = state.board.rows.length, some = rows.length === every ? "" : `${rows.length} of `;
  document.getElementById("count").textContent = `${some}${every} row${every === 1 ? "" : "s"}`;
};

const sortBy = key => {
  const again = state.sort?.key === key;
  state.sort = { key, descending: again ? !state.sort.descending : key === WITHIN };
  showTable();
};
