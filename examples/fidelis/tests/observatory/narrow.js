// What does not fit the width of the window: what makes the page scroll sideways, what reaches
// beyond the edge and cannot be scrolled to, and controls too small for a finger.
(() => {
    const faults = [];
    const say = (element, what) =>
        faults.push(`${element.tagName.toLowerCase()} '${element.textContent.trim().slice(0, 40)}' ${what}`);
    const root = document.documentElement;
    const width = root.clientWidth;
    if (root.scrollWidth > width) say(root, `is ${root.scrollWidth} wide`);
    const scrolls = element => {
        for (let at = element.parentElement; at; at = at.parentElement)
            if (/auto|scroll/.test(getComputedStyle(at).overflowX)) return true;
        return false;
    };
    for (const element of document.body.querySelectorAll('*')) {
        if (!element.checkVisibility({ visibilityProperty: true })) continue;
        const box = element.getBoundingClientRect();
        // For screen readers only, or until it has the focus.
        if (box.width < 2 || box.height < 2 || box.right <= 0) continue;
        if ((box.right > width + 1 || box.left < -1) && !scrolls(element))
            say(element, `reaches from ${box.left} to ${box.right}`);
        if (element.matches('button, select, input, summary, nav a') && box.height < 24)
            say(element, `is only ${box.height} high`);
    }
    return faults;
})()
