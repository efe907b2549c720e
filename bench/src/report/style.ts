/** The style of all charts, readable on light and dark pages. `.first` is this server. */
export const STYLE = `text { font: 14px system-ui, sans-serif; fill: #1f2328; }
rect, circle { fill: #8c959f; } .first { fill: #0969da; }
path { fill: none; stroke: #8c959f; stroke-width: 2; } path.first { fill: none; stroke: #0969da; }
path.axis { stroke-width: 1; opacity: 0.35; } .dashed { stroke-dasharray: 6 5; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .first { fill: #58a6ff; } path.first { stroke: #58a6ff; } }`;
