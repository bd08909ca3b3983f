// Where the focus is: the control's name, what keeps a person from seeing that it is there, and
// whether it has been there before.
(() => {
    const element = document.activeElement;
    if (!element || element === document.body || element === document.documentElement) return null;
    const style = getComputedStyle(element);
    const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
    const box = element.getBoundingClientRect();
    const [x, y] = [box.x + Math.min(box.width, 20) / 2, box.y + Math.min(box.height, 20) / 2];
    const top = document.elementFromPoint(x, y);
    const hidden =
        !outlined && style.boxShadow === 'none' ? 'nothing marks the focus'
        : !top || !(element.contains(top) || top.contains(element)) ? 'it is out of sight or covered'
        : null;
    const again = window.stops.has(element);
    window.stops.add(element);
    return { name: window.nameOf(element), hidden, again };
})()
