window.stops = new Set();
// A name for a control that lasts while its page is drawn anew.
window.nameOf = element => {
    const place = element.closest('[data-group], [data-dead-letter], [id]');
    const of = place && place !== element
        ? `${place.dataset.group ?? place.dataset.deadLetter ?? place.id} ` : '';
    const own = element.id || element.getAttribute('href') || element.name
        || element.dataset.action || element.textContent.trim().slice(0, 40);
    return `${of}${element.tagName.toLowerCase()} ${own}`;
};
