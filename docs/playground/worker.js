// Runs kvnet in a worker of its own: takes {id, manifest, facts, profile}, and posts {id, answer} or {id, failure}.
import { loadPyodide } from "./pyodide/pyodide.mjs";

async function start() {
  const [python, archive] = await Promise.all([
    loadPyodide(),
    fetch(new URL("kvnet.zip", import.meta.url)).then((response) => response.arrayBuffer()),
  ]);
  python.unpackArchive(archive, "zip", { extractDir: "/kvnet" });
  python.runPython("import sys; sys.path.insert(0, '/kvnet')");
  return python.pyimport("answer").answer;
}

const started = start();
started.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ failure: `kvnet could not be started: ${error}` }),
);

onmessage = async ({ data: { id, manifest, facts, profile } }) => {
  const answer = await started.catch(() => null);
  if (!answer) return;
  try {
    postMessage({ id, answer: JSON.parse(answer(manifest, facts, profile)) });
  } catch (error) {
    const last = String(error.message).trim().split("\n").at(-1);
    postMessage({ id, failure: `kvnet failed, which is a bug of kvnet or needs what browsers do not have: ${last}` });
  }
};
