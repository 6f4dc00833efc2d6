// A camera that reads QR codes: each is told once while it is in the picture. What goes wrong is told by name.
import { watchFrames } from "./camera_frames.js";
import { makeReader } from "./code_reader.js";

const SIZE = { width: { ideal: 1280 }, height: { ideal: 720 } };
const TROUBLES = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "none",
  OverconstrainedError: "none",
  NotReadableError: "busy",
};
let running = null;

window.addEventListener("pagehide", () => { if (running) fail(running, "lost"); }); // said when the page comes back

// Resolves to what the camera can, `{torch, switch}`; to nothing where it did not start, as `onTrouble` was told.
// Troubles: insecure, denied, none, busy, failed and lost, after which it is stopped; dark, and light when that is over.
export async function startCamera(video, options, deviceId = null) {
  stopCamera();
  if (!navigator.mediaDevices?.getUserMedia) return void options.onTrouble("insecure");
  const mine = { video, options, stream: null, isLit: false, stopWatching: () => {} };
  running = mine;
  try {
    const [read] = await Promise.all([makeReader(options.wasm), open(mine, deviceId)]);
    const cameras = await listCameras();
    if (running !== mine) return;
    const onTrouble = (name) => (name === "failed" ? fail(mine, name) : options.onTrouble(name));
    mine.stopWatching = watchFrames(video, read, { onCode: options.onCode, onTrouble });
    return { torch: Boolean(trackOf(mine).getCapabilities?.().torch), switch: cameras.length > 1 };
  } catch (error) {
    fail(mine, TROUBLES[error.name] ?? "failed");
  }
}

export function stopCamera() {
  if (!running) return;
  const { stream, video, stopWatching } = running;
  running = null;
  stopWatching();
  stream?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

// Resolves to whether the light is on.
export async function toggleTorch() {
  const mine = running;
  if (!mine?.stream) return false;
  await trackOf(mine).applyConstraints({ advanced: [{ torch: !mine.isLit }] });
  mine.isLit = !mine.isLit;
  return mine.isLit;
}

// Goes on with the device's next camera; resolves to what `startCamera` does.
export async function switchCamera() {
  if (!running?.stream) return;
  const { video, options } = running;
  const here = trackOf(running).getSettings().deviceId;
  const ids = (await listCameras()).map(({ deviceId }) => deviceId);
  return startCamera(video, options, ids[(ids.indexOf(here) + 1) % ids.length]);
}

async function open(mine, deviceId) {
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "environment" };
  const stream = await navigator.mediaDevices.getUserMedia({ video: { ...SIZE, ...which }, audio: false });
  if (running !== mine) return stream.getTracks().forEach((track) => track.stop()); // stopped while the browser asked
  mine.stream = stream;
  trackOf(mine).addEventListener("ended", () => fail(mine, "lost"));
  mine.video.srcObject = stream;
  await mine.video.play();
}

async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput");
}

function trackOf({ stream }) {
  return stream.getVideoTracks()[0];
}

function fail(mine, name) {
  if (running !== mine) return;
  stopCamera();
  mine.options.onTrouble(name);
}
