// A file that would be refused is said to be so before it is sent: it could take long, and a server in front of ours may
// drop the whole form. The server has written beside it what is refused, and in which words.
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
      input.setCustomValidity(problem);
      input.toggleAttribute("aria-invalid", Boolean(problem));
    });
  }
}

// A browser that does not know a kind of file leaves its type empty: the server looks into that.
function problemOf({ files, accept, dataset }) {
  const [file] = files;
  if (!file) return "";
  if (file.type && !accept.split(",").includes(file.type)) return dataset.unreadable;
  return file.size > Number(dataset.mostBytes) ? dataset.tooLarge : "";
}
