// The page of a product: large pictures, steps for the quantity, a bar on phones.
(() => {
  "use strict";
  const all = (selector) => [...document.querySelectorAll(selector)];
  const links = all("[data-zoom]");
  const [dialog] = all(".zoom");
  if (dialog?.showModal && links.length) {
    const frame = dialog.querySelector("[data-full]");
    let current;
    const setFull = (on) => {
      frame.setAttribute("aria-pressed", on);
      frame.scrollIntoView({ block: "center", inline: "center" });
    };
    const show = (number) => {
      current = (number + links.length) % links.length;
      const image = links[current].querySelector("img").cloneNode();
      image.removeAttribute("srcset");
      image.src = links[current].href;
      frame.querySelector("img")?.remove();
      frame.append(image);
      setFull(false);
    };
    links.forEach((link, number) => {
      link.onclick = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        show(number);
        dialog.showModal();
        return false;
      };
    });
    frame.onclick = () => setFull(frame.ariaPressed !== "true");
    dialog.onkeydown = ({ key }) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (by) show(current + by);
    };
    dialog.onclose = () => links[current].focus();
    all("[data-by]").forEach((button) => {
      button.hidden = links.length < 2;
      button.onclick = () => show(current + +button.dataset.by);
    });
  }
  all("[data-step]").forEach((button) => {
    button.hidden = false;
    button.onclick = () => button.parentElement.querySelector("input")[button.dataset.step]();
  });
  const [bar] = all("[data-bar]");
  if (bar) {
    const watch = new IntersectionObserver((entries) => {
      entries.forEach((entry) => entry.target.toggleAttribute("data-seen", entry.isIntersecting));
      bar.hidden = all("[data-seen]").length > 0;
    });
    [bar.previousElementSibling, ...all(".site-footer")].forEach((element) => watch.observe(element));
  }
})();
