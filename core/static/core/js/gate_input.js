// Where codes come from besides the camera: the form, and a hand scanner, which types quickly and ends with Enter.
const PAUSE_MS = 1000; // a hand scanner needs a few milliseconds for a character; a busy device may be slower to notice
const LEAST = 8; // characters; less is somebody at the keyboard

export function listenForCodes(form, onCode) {
  const input = form.elements.code;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const code = input.value;
    input.value = "";
    if (code.trim()) onCode(code);
  });
  document.addEventListener("keydown", listener(onCode), true);
}

// While no field has the focus, or the screen of a result is open.
function listener(onCode) {
  let typed = "", at = 0;
  return (event) => {
    if (event.target.closest?.("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.timeStamp - at > PAUSE_MS) typed = "";
    at = event.timeStamp;
    if (event.key.length === 1) typed += event.key;
    if (typed.length >= LEAST && event.key === "Enter") {
      event.preventDefault(); // not the button that has the focus
      onCode(typed);
      typed = "";
    }
  };
}
