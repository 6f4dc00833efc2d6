// Short tones, each `[pitch in Hz, seconds]`.
const LOUD = 0.2;
const GAP_SECONDS = 0.04;
const LATE_MS = 1000; // what is let be heard only later is no news any more
let audio = null;

// Whether they can be heard: a browser lets them be once somebody has pressed something on the page.
export async function canPlay() {
  if (!window.AudioContext) return false;
  audio ??= new AudioContext();
  const allowed = audio.resume().then(() => true, () => false); // only when it is
  return Promise.race([allowed, new Promise((end) => setTimeout(end, LATE_MS, false))]);
}

export async function play(notes, type = "sine") {
  if (!(await canPlay())) return;
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
