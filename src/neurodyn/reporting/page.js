"use strict";
// Draws every figure from the JSON beside it, one a turn of the event loop, so that the page stays responsive.
(function () {
  const CONFIG = { responsive: true, displaylogo: false, showTips: false, showSendToCloud: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "resetCameraLastSave3d"] };
  const MOST_SCENES = 6; // browsers drop the oldest WebGL contexts beyond about 16, and a scene takes up to two

  function hasWebGL() {
    try {
      const context = document.createElement("canvas").getContext("webgl");
      if (!context) return false;
      const release = context.getExtension("WEBGL_lose_context");
      if (release) release.loseContext();
      return true;
    } catch (error) { return false; }
  }

  function withChoice(spec, choice) {
    return spec.data.map((trace, i) => Object.assign({}, trace, choice.update[i]));
  }

  function addPicker(plot, spec) {
    const bar = document.createElement("div");
    bar.className = "picker";
    const label = document.createElement("label");
    label.textContent = "Show ";
    const select = document.createElement("select");
    spec.choices.forEach((choice, i) => select.add(new Option(choice.label, String(i))));
    label.append(select);
    const turn = (by) => {
      select.selectedIndex = (select.selectedIndex + by + spec.choices.length) % spec.choices.length;
      select.dispatchEvent(new Event("change"));
    };
    const buttons = [["‹", "previous", -1], ["›", "next", 1]].map(([text, name, by]) => {
      const button = document.createElement("button");
      button.type = "button"; button.textContent = text; button.title = name; button.setAttribute("aria-label", name);
      button.addEventListener("click", () => turn(by));
      return button;
    });
    select.addEventListener("change", () => {
      Plotly.react(plot, withChoice(spec, spec.choices[select.selectedIndex]), spec.layout, CONFIG);
    });
    bar.append(label, ...buttons);
    plot.before(bar);
  }

  function replaceByNote(plot) {
    const note = document.createElement("p");
    note.className = "absent";
    note.textContent = "The turnable 3-D view needs WebGL, which this browser does not offer here. The projections below show the same trajectories.";
    plot.closest("figure").replaceWith(note);
  }

  // What is folded away on the screen is open on paper.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = Array.from(document.querySelectorAll("details:not([open])"));
    folded.forEach((each) => { each.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }));

  const webgl = hasWebGL();
  const all = Array.from(document.querySelectorAll("figure > .plot"));
  const isScene = (plot) => plot.dataset.needs === "webgl";
  const waiting = all.filter((plot) => !isScene(plot)).concat(all.filter(isScene)); // scenes last: they are slow
  let scenes = 0;

  function next() {
    const plot = waiting.shift();
    if (!plot) { document.documentElement.dataset.drawn = "true"; return; }
    if (isScene(plot) && (!webgl || ++scenes > MOST_SCENES)) {
      replaceByNote(plot);
      return setTimeout(next);
    }
    const spec = JSON.parse(plot.nextElementSibling.textContent);
    if (spec.choices.length > 1) addPicker(plot, spec);
    const data = spec.choices.length ? withChoice(spec, spec.choices[0]) : spec.data;
    Plotly.newPlot(plot, data, spec.layout, CONFIG).then(() => setTimeout(next));
  }
  next();
})();
