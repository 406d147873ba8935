// Buttons of the admin's theme that show only a symbol get a name for those who do not see it.
document.addEventListener("DOMContentLoaded", () => {
  const names = { search: "Search", more_horiz: "More actions", unfold_more: "Account" };
  for (const one of document.querySelectorAll("a[href], button")) {
    const name = names[one.textContent.trim()];
    if (name && !one.hasAttribute("aria-label")) one.setAttribute("aria-label", name);
  }
});
