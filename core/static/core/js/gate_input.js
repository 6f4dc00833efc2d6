// Where codes come from besides the camera: the form, and a hand scanner, which types quickly and ends with Enter.
const PAUSE_MS = 1000; // a hand scanner needs a few milliseconds for a character; a busy device may be slower to notice
const LEAST = 8; // characters; less is somebody at the keyboard
const CODE = /^[a-z2-7]{60,90}$/i; // what nobody types into a field that is meant for something else

export function listenForCodes(form, onCode) {
  const input = form.elements.code;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const code = input.value;
    input.value = "";
    if (code.trim()) onCode(code);
  });
  document.addEventListener("keydown", listener(input, onCode), true);
}

// Whatever has the focus: a button, the screen of a result, nothing, or a field that the code does not belong to. A code
// that began there goes on when the focus comes back to its own field, as when a screen of green closes by itself.
function listener(input, onCode) {
  let typed = "", at = 0;
  return (event) => {
    const field = event.target.closest?.("input, select, textarea");
    const isRunning = typed !== "" && event.timeStamp - at <= PAUSE_MS;
    if (!isRunning) typed = "";
    if ((field === input && !isRunning) || event.ctrlKey || event.metaKey || event.altKey) return;
    at = event.timeStamp;
    if (event.key.length === 1) typed += event.key;
    else if (field === input && event.key !== "Enter" && event.key !== "Shift") typed = ""; // somebody who corrects it
    if (isRunning && event.key === " " && !field) event.preventDefault(); // of the code, and no press on a button
    const isCode = field && field !== input ? CODE.test(typed) : typed.length >= LEAST;
    if (event.key !== "Enter" || !isCode) return;
    event.preventDefault(); // not the button that has the focus, nor the form that the field is of
    if (field) field.value = field === input ? "" : field.value.replace(typed, "");
    onCode(typed);
    typed = "";
  };
}
