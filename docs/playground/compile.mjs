// Compiles the modules of an archive with Pyodide's Python, so that the page need not: `node compile.mjs ARCHIVE`, with
// the folder of node_modules in NODE_MODULES. The archive is replaced.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { loadPyodide } = await import(pathToFileURL(join(process.env.NODE_MODULES, "pyodide", "pyodide.mjs")));
const python = await loadPyodide();
const [archive] = process.argv.slice(2);
python.FS.writeFile("/in.zip", readFileSync(archive));
python.runPython(`
import py_compile, sys, zipfile
from pathlib import Path

sys.path.insert(0, "/in.zip")
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
with zipfile.ZipFile("/in.zip") as given, zipfile.ZipFile("/out.zip", "w", zipfile.ZIP_DEFLATED) as made:
    for name in given.namelist():
        content, path = given.read(name), Path("/out") / name
        if name.endswith(".py"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            compiled = py_compile.compile(str(path), cfile="/compiled", dfile=name, doraise=True, invalidation_mode=unchecked)
            name, content = name + "c", Path(compiled).read_bytes()
        made.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
`);
writeFileSync(archive, python.FS.readFile("/out.zip"));
