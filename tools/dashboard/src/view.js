// Preact with htm: components without a build step.
import { h } from "preact";
import htm from "htm";
export { render, h, Fragment, createContext } from "preact";
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useContext } from "preact/hooks";
export const html = htm.bind(h);
