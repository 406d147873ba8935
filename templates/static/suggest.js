// Suggests papers, authors and subjects of the catalogue while somebody types into a list.
const LEAST_LETTERS = 3;
const WAIT_MILLISECONDS = 150;

for (const box of document.querySelectorAll("[data-suggest]")) suggest(box);

function suggest(box) {
  const list = document.createElement("ul");
  list.id = `${box.id}_suggested`;
  list.className = "suggested";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  const frame = document.createElement("div");
  frame.className = "suggesting";
  box.replaceWith(frame);
  frame.append(box, list);
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("autocomplete", "off");
  let timer = 0;
  let asked = 0;
  let active = -1;

  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MILLISECONDS);
  });
  box.addEventListener("blur", () => setTimeout(close, WAIT_MILLISECONDS));
  box.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) move(step);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && active >= 0) take(list.children[active]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    if (event.target.closest("li")) take(event.target.closest("li"));
  });

  function line() {
    const start = box.value.lastIndexOf("\n", box.selectionStart - 1) + 1;
    const end = box.value.indexOf("\n", box.selectionStart);
    return [start, end < 0 ? box.value.length : end];
  }

  async function ask() {
    const typed = box.value.slice(...line()).trim();
    if (typed.length < LEAST_LETTERS || /^[\d@]|:\/\//.test(typed)) return close();
    const number = ++asked;
    const query = new URLSearchParams({ kind: box.dataset.suggest, q: typed });
    const answer = await fetch(`/api/v1/suggestions?${query}`).catch(() => null);
    if (!answer?.ok || number !== asked || document.activeElement !== box) return;
    show((await answer.json()).suggestions);
  }

  function show(found) {
    active = -1;
    list.replaceChildren(...found.map((text, place) => {
      const row = document.createElement("li");
      row.id = `${list.id}_${place}`;
      row.textContent = text;
      row.dir = "auto";
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
      return row;
    }));
    list.hidden = !found.length;
    if (!list.hidden) list.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const rows = [...list.children];
    active = (active + step + rows.length) % rows.length;
    rows.forEach((row, place) => row.setAttribute("aria-selected", String(place === active)));
    rows[active].scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", rows[active].id);
  }

  function take(row) {
    const [start, end] = line();
    box.setRangeText(`${row.textContent}\n`, start, end, "end");
    close();
    box.focus();
  }

  function close() {
    list.hidden = true;
    active = -1;
    box.removeAttribute("aria-activedescendant");
  }
}
