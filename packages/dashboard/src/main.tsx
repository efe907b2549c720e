import { render } from "preact";
import { App } from "./app.tsx";

const root = document.getElementById("app");
if (root === null) throw new Error('The page has no element with id "app"');
render(<App />, root);
