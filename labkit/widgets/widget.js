// Shared by every labkit widget: still.py puts it before the widget's own module.

// What a module exports: `render` gets the model that holds the state, not that of the view itself (see still.py).
// The web edition, where nobody answers, calls it with `kernel: false`.
function live(render) {
  return {
    render: async (view) => {
      const model = await view.host.getModel(view.model.get("state"));
      watchKernel(view);
      return render({ ...view, model });
    },
  };
}

// A kernel that was restarted, from this tab or another or after its death, answers no message of this view any more.
// JupyterLab tells the tab that did it "restarting"; the others only hear the new kernel say "starting".
function watchKernel({ model, el, signal }) {
  const status = model.get("lost") && model.widget_manager?.context?.sessionContext?.statusChanged;
  const hear = (_session, now) => {
    if (!/starting|dead/.test(now) || "lost" in el.dataset) return;
    el.dataset.lost = "";
    el.querySelectorAll("button, select, input").forEach((control) => { control.disabled = true; });
    const notice = make("div", { className: "lk-lost", textContent: model.get("lost") });
    notice.setAttribute("role", "alert");
    el.prepend(notice);
  };
  if (!status) return;
  status.connect(hear);
  signal.addEventListener("abort", () => status.disconnect(hear));
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// An id for an element, or a name for a group of radio buttons. Each widget loads its module anew, and a counter with it.
const freshId = () => `lk-${Math.random().toString(36).slice(2)}`;

// JupyterLab looks for this mark on the focused element itself; without it arrow keys select another cell and
// letters cut and paste them. While Ctrl or ⌘ is held the mark is away, so that Ctrl+S still saves.
function keepKeys(element) {
  const keep = () => { element.dataset.lmSuppressShortcuts = "true"; };
  keep();
  element.addEventListener("keydown", (event) => {
    if (event.key === "Control" || event.key === "Meta") delete element.dataset.lmSuppressShortcuts;
  });
  element.addEventListener("keyup", (event) => event.ctrlKey || event.metaKey || keep());
  element.addEventListener("blur", keep);
  return element;
}
