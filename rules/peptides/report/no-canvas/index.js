/**
 * In the place of vega-canvas (a devDependency of this repository, which npm gives to vega). The original awaits `import("canvas")` when it is loaded,
 * which no CommonJS bundle can hold, and would measure text with whatever canvas a machine has. We draw SVG and have none.
 */
export const canvas = () => null;
export const domCanvas = canvas;
export const nodeCanvas = canvas;
export const image = canvas;
