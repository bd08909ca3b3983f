// Every control that Tab should reach, as a list of names.
(() => {
    const reachable = element =>
        (element.tabIndex >= 0 || element.matches('a, button, input, select, textarea, summary'))
        && !element.disabled && !element.closest('[inert]')
        && element.checkVisibility({ visibilityProperty: true })
        && !(element.type === 'radio' && !element.checked
            && document.querySelector(`input[type=radio][name="${element.name}"]:checked`));
    const found = document.querySelectorAll(
        'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]');
    return [...found].filter(reachable).map(window.nameOf);
})()
