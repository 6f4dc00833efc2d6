// Short tones, each `[pitch in Hz, seconds]`. A browser lets them be heard once somebody has pressed something on the page.
const LOUD = 0.2;
const GAP_SECONDS = 0.04;
const LATE_MS = 1000; // what is let be heard only later is no news any more
let audio = null;

export async function play(notes, type = "sine") {
  if (!window.AudioContext) return;
  audio ??= new AudioContext();
  const asked = performance.now();
  const isAllowed = await audio.resume().then(() => true, () => false); // only when it is
  if (!isAllowed || performance.now() - asked > LATE_MS) return;
  let at = audio.currentTime;
  for (const [pitch, seconds] of notes) {
    const tone = new OscillatorNode(audio, { frequency: pitch, type });
    const volume = new GainNode(audio, { gain: LOUD });
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds + GAP_SECONDS;
  }
}
