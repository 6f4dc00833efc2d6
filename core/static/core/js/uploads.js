// A file that would be refused is said to be so before it is sent. The server has written beside it what is refused, and
// in which words. The form is sent all the same, so that what else is wrong is said together with it; but without what is
// too large, which could take long, and for which a server in front of ours may drop the whole form.
const TOO_LARGE = "application/x-too-large"; // what pictures.py takes for a file that was

export function startUploads(inputs) {
  for (const input of inputs) {
    const said = document.createElement("p");
    said.className = "error";
    said.setAttribute("role", "alert");
    said.hidden = true;
    said.id = `${input.id}-refused`;
    input.setAttribute("aria-describedby", `${input.getAttribute("aria-describedby") ?? ""} ${said.id}`.trim());
    input.after(said);
    input.addEventListener("change", () => {
      const problem = problemOf(input);
      said.hidden = !problem;
      said.textContent = problem;
      if (problem) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    });
    input.form.addEventListener("formdata", ({ formData }) => {
      const [file] = input.files;
      if (file && isTooLarge(input)) formData.set(input.name, new File(["-"], file.name, { type: TOO_LARGE }));
    });
  }
}

// A browser that does not know a kind of file leaves its type empty: the server looks into that. What its name ends in
// counts as well: on Windows a .csv is what Excel has said that it is.
function problemOf(input) {
  const [file] = input.files;
  if (!file) return "";
  if (file.type && !isAccepted(file, input.accept.split(","))) return input.dataset.unreadable;
  return isTooLarge(input) ? input.dataset.tooLarge : "";
}

function isAccepted({ name, type }, kinds) {
  return kinds.includes(type) || kinds.some((kind) => kind.startsWith(".") && name.toLowerCase().endsWith(kind));
}

function isTooLarge({ files: [file], dataset }) {
  return file.size > Number(dataset.mostBytes);
}
