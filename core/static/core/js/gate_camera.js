// The camera of the gate page: its buttons, and what is wrong in the page's own words.
import { startCamera, stopCamera, switchCamera, toggleTorch } from "./camera.js";

let lock = null;

export function startGateCamera(desk, onCode) {
  const panel = desk.querySelector("[data-camera]");
  const find = (name) => panel.querySelector(`[data-${name}]`);
  const show = (running) => {
    find("view").hidden = find("stop").hidden = !running;
    find("start").hidden = running;
  };
  const trouble = (name) => {
    const words = panel.querySelector(`template[data-words="${name}"]`);
    find("trouble").hidden = !words;
    find("trouble-words").replaceChildren(...(words ? [words.content.cloneNode(true)] : []));
    if (words && name !== "dark") stop();
  };
  const stop = () => {
    stopCamera();
    lock?.release();
    lock = null;
    show(false);
    for (const name of ["torch", "switch"]) find(name).hidden = true;
  };
  find("start").addEventListener("click", async () => {
    trouble("");
    show(true);
    const can = await startCamera(find("video"), { wasm: desk.dataset.wasm, onCode, onTrouble: trouble });
    for (const name of ["torch", "switch"]) find(name).hidden = !can?.[name];
    lock = await navigator.wakeLock?.request("screen").catch(() => null); // a gate does not go dark
  });
  find("stop").addEventListener("click", stop);
  find("torch").addEventListener("click", toggleTorch);
  find("switch").addEventListener("click", switchCamera);
  panel.hidden = false;
}
