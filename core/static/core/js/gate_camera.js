// The camera of the gate page: its buttons, and what is wrong in the page's own words.
import { keepAwake, letSleep } from "./awake.js";
import { startCamera, stopCamera, switchCamera, toggleTorch } from "./camera.js";

const GOES_ON = new Set(["", "dark", "light"]);

export function startGateCamera(desk, onCode) {
  const panel = desk.querySelector("[data-camera]");
  const find = (name) => panel.querySelector(`[data-${name}]`);
  const show = (running, can = {}) => {
    find("view").hidden = find("stop").hidden = !running;
    find("start").hidden = running;
    for (const name of ["torch", "switch"]) find(name).hidden = !can[name];
    find("torch").setAttribute("aria-pressed", "false");
  };
  const trouble = (name) => {
    const words = panel.querySelector(`template[data-words="${name}"]`);
    find("trouble").hidden = !words;
    find("trouble-words").replaceChildren(...(words ? [words.content.cloneNode(true)] : []));
    if (!GOES_ON.has(name)) stop();
  };
  const stop = () => {
    const hadFocus = panel.contains(document.activeElement);
    stopCamera();
    letSleep();
    show(false);
    if (hadFocus) find("start").focus({ preventScroll: true });
  };
  find("start").addEventListener("click", async () => {
    trouble("");
    show(true);
    find("stop").focus({ preventScroll: true }); // the button that was pressed is gone
    const can = await startCamera(find("video"), { wasm: desk.dataset.wasm, onCode, onTrouble: trouble });
    if (!can) return;
    show(true, can);
    keepAwake(); // a gate does not go dark
  });
  find("stop").addEventListener("click", stop);
  find("torch").addEventListener("click", async () => {
    const isLit = await toggleTorch().catch(() => false);
    find("torch").setAttribute("aria-pressed", String(isLit));
  });
  find("switch").addEventListener("click", async () => {
    const can = await switchCamera();
    if (can) show(true, can);
  });
  panel.hidden = false;
}
