// What a running camera shows, ten times a second at most: the codes that come into the picture, and whether it is dark.
const FRAME_MS = 100;
const PIXELS = 640 * 480; // of a picture that is read, upright or not: enough for a ticket at arm's length
const GONE_MS = 2000; // a code that was out of the picture for so long is told again,
const PASSED_MS = 500; // or for so long while another one came: two beside each other are not told in turns
const DARK = 20, LIGHT = 28; // mean brightness, of 255
const DARK_MS = 3000;
const SAMPLE = 4 * 61; // bytes from one pixel that is looked at to the next

// Returns what ends it. `read` takes a picture, and is not called again before it has answered.
export function watchFrames(video, read, { onCode, onTrouble }) {
  const canvas = document.createElement("canvas");
  const tellCodes = codeTeller(onCode), tellDark = darkTeller(onTrouble);
  let clock = 0; // milliseconds that were looked at: a hidden page sees nothing come or go
  let before = performance.now(), timer = null, isOver = false;

  async function look() {
    const elapsed = performance.now() - before;
    before += elapsed;
    try {
      if (!document.hidden && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
        clock += Math.min(elapsed, GONE_MS / 2);
        const picture = grab(video, canvas);
        const codes = await read(picture);
        if (isOver) return;
        tellDark(codes.length ? LIGHT : brightness(picture.data), clock); // a lit phone at night is read, and light enough
        tellCodes(codes, clock);
      }
    } catch (error) {
      if (!isOver) onTrouble("failed");
      throw error;
    }
    if (!isOver) timer = setTimeout(look, FRAME_MS);
  }

  // A phone pauses the video of a page that is not looked at.
  const goOn = () => { if (!document.hidden) video.play().catch(() => {}); };
  document.addEventListener("visibilitychange", goOn);
  look();
  return () => {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", goOn);
  };
}

function grab(video, canvas) {
  const { videoWidth: width, videoHeight: height } = video;
  const scale = Math.min(1, Math.sqrt(PIXELS / (width * height)));
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h }); // turned
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, w, h);
  return context.getImageData(0, 0, w, h);
}

function codeTeller(onCode) {
  const seenAt = new Map();
  let last = null;
  return (codes, clock) => {
    for (const code of codes) {
      const gone = clock - (seenAt.get(code) ?? -Infinity);
      seenAt.set(code, clock);
      if (gone < GONE_MS && (code === last || gone < PASSED_MS)) continue;
      last = code;
      onCode(code);
    }
    for (const [code, at] of seenAt) if (clock - at > GONE_MS) seenAt.delete(code);
  };
}

function darkTeller(onTrouble) {
  let since = null, isDark = false;
  return (mean, clock) => {
    if (mean >= DARK) since = null;
    else since ??= clock;
    if (!isDark && since !== null && clock - since >= DARK_MS) onTrouble("dark");
    else if (isDark && mean >= LIGHT) onTrouble("light");
    else return;
    isDark = !isDark;
  };
}

function brightness(data) {
  let sum = 0, count = 0;
  for (let at = 0; at < data.length; at += SAMPLE, count += 1) {
    sum += 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]; // ITU-R BT.601
  }
  return sum / count;
}
