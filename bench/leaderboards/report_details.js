// Details of a row and of a record: only ever text, whatever a record says.

const dialog = document.getElementById("detail"), place = dialog.querySelector(":scope > div");

const shown = value => value === null ? "not measured" : Array.isArray(value) ? value.map(shown).join(", ")
  : typeof value === "object" ? Object.entries(value).map(([k, v]) => `${k} ${shown(v)}`).join(", ") : String(value);

const factsOf = values => {
  const list = make("dl", undefined, "facts");
  for (const [name, value] of Object.entries(values)) list.append(make("dt", name.replaceAll("_", " ")), make("dd", shown(value)));
  return list;
};

const folded = (title, values) => {
  if (!values || !Object.keys(values).length) return [];
  const part = make("details");
  part.append(make("summary", title), factsOf(values));
  return [part];
};

const scrolling = element => {
  const part = make("div", undefined, "scroll");
  part.append(element);
  return part;
};

const tableOf = (titles, rows) => {
  const found = make("table"), head = found.createTHead().insertRow(), body = found.createTBody();
  for (const title of titles) head.append(make("th", title));
  for (const cells of rows) {
    const line = body.insertRow();
    for (const cell of cells) {
      if (cell instanceof Node) line.insertCell().append(cell);
      else line.append(make("td", cell));
    }
  }
  return found;
};

const matrixOf = R => {
  const found = make("table", undefined, "matrix"), head = found.createTHead().insertRow();
  head.append(make("th", "after"), ...R[0].map((_, j) => make("th", j + 1)));
  const body = found.createTBody();
  R.forEach((values, i) => {
    const line = body.insertRow();
    line.append(make("th", i + 1));
    for (const value of values) {
      const cell = make("td", value === null ? "-" : (100 * value).toFixed(1));
      if (value !== null) cell.style.background = `hsl(var(--heat) / ${(.04 + .6 * value).toFixed(3)})`;
      line.append(cell);
    }
  });
  return scrolling(found);
};

const SECONDS_COLOURS = ["sparse", "sleep", "replay", "regularised", "plain"];

const secondsOf = byKind => {
  const part = make("div"), bar = make("div", undefined, "seconds"), words = make("p", undefined, "dim");
  Object.entries(byKind).forEach(([kind, seconds], i) => {
    const colour = SECONDS_COLOURS[i % SECONDS_COLOURS.length], piece = make("span", undefined, colour);
    piece.style.flex = `${seconds} 1 0`;
    if (seconds > 0) bar.append(piece);
    words.append(make("span", "■", `mark ${colour}`), ` ${kind} ${seconds.toFixed(2)} s   `);
  });
  part.append(bar, words);
  return part;
};

const recordParts = number => {
  const record = recordOf(number), config = data.shared[record.configuration];
  const parts = [make("h3", `Seed ${record.seed}, attempt ${record.attempt}: ${record.status}`)];
  if (record.reason) parts.push(make("p", record.reason, "failed"));
  if (record.matrix) parts.push(make("h3", "Accuracy after each experience (rows) on each (columns), %"), matrixOf(record.matrix));
  if (record.cost) parts.push(make("h3", "Charged seconds by kind"), secondsOf(record.cost.seconds_by_kind));
  if (record.curve?.length) parts.push(...folded("accuracy over charged budget", Object.fromEntries(record.curve)));
  parts.push(...folded("cost", record.cost), ...folded("weights, at the end", record.weights));
  parts.push(...folded("configuration", config));
  for (const name of ["hyper-parameters", "environment"]) parts.push(...folded(name, data.shared[record[name]]));
  parts.push(make("p", `Record ${record.path}, started ${record.started}`, "dim"));
  return parts;
};

const openDialog = (title, ...parts) => {
  tip.hidden = true;
  document.getElementById("detail-title").textContent = title;
  place.replaceChildren(...parts);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
};

const openRecord = number => openDialog(data.shared[recordOf(number).configuration].strategy, ...recordParts(number));

const seedButton = ([seed, number], one) => {
  const button = make("button", seed, "seed");
  button.type = "button";
  button.addEventListener("click", () => {
    for (const other of place.querySelectorAll(".seed")) other.setAttribute("aria-pressed", other === button);
    one.replaceChildren(...recordParts(number));
  });
  return button;
};

const openRow = row => {
  const one = make("div"), kinds = Object.keys(recordOf(row.runs[0][1]).cost?.seconds_by_kind ?? {});
  const rows = row.runs.map(run => {
    const { status, cost, matrix } = recordOf(run[1]), last = matrix?.at(-1), known = last && !last.includes(null);
    const accuracy = known ? percent(last.reduce((a, b) => a + b) / last.length) : "-";
    const seconds = kinds.map(kind => cost?.seconds_by_kind[kind]?.toFixed(2) ?? "-");
    return [seedButton(run, one), status, accuracy, run[2].toFixed(3), percent(run[3]), percent(run[4]), ...seconds];
  });
  const titles = ["seed", "status", "accuracy", "normalised", "capacity", "memory", ...kinds.map(kind => `${kind}, s`)];
  openDialog(row.name, scrolling(tableOf(titles, rows)), one);
  place.querySelector(".seed").click();
};

const showRecords = () => {
  const part = document.getElementById("records"), body = part.querySelector("tbody");
  if (!part.open || body.rows.length) return;
  part.querySelector("thead").replaceChildren(...tableOf(["record", "strategy", "seed", "attempt", "status", "hyper-parameters"], []).tHead.rows);
  for (const number of state.board.records) {
    const record = recordOf(number), config = data.shared[record.configuration];
    const button = make("button", "open", "seed"), line = body.insertRow();
    button.type = "button";
    button.addEventListener("click", () => openRecord(number));
    line.insertCell().append(button);
    for (const value of [config.strategy, record.seed, record.attempt, record.status, shown(config.hyperparameters)]) line.append(make("td", value, "text"));
  }
};

document.getElementById("records").addEventListener("toggle", showRecords);
dialog.addEventListener("click", event => {
  if (event.target === dialog || event.target.closest(".close")) dialog.close();
});
