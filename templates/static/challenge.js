// Solves the proof of work of the sign-up form (ALTCHA protocol): the number whose SHA-256, after
// the salt, is the challenge. Nothing is sent before the button is pressed.
const form = document.querySelector("form[data-challenge]");
const button = form.querySelector("button");
const status = form.querySelector('[role="status"]');
const { algorithm, challenge, salt, signature, maxnumber } = form.dataset;
const text = new TextEncoder();

async function digest(number) {
  const hash = await crypto.subtle.digest(algorithm, text.encode(salt + number));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function solve() {
  const batch = 500;
  for (let start = 0; start <= Number(maxnumber); start += batch) {
    const numbers = Array.from({ length: batch }, (_, place) => start + place);
    const found = (await Promise.all(numbers.map(digest))).indexOf(challenge);
    if (found >= 0) return numbers[found];
  }
  throw new Error("no solution");
}

try {
  const number = await solve();
  form.elements.altcha.value = btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
  button.disabled = false;
  status.textContent = "Done.";
} catch {
  status.textContent = "This browser cannot do it here; please try again in an hour.";
}
