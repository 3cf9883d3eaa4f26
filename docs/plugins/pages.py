"""Pages of the site that lie outside of docs/, and the tutorial, which is a notebook.

Links are written as they are in the repository, so that they work there too; here they become those of the site.
"""

import base64
import json
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
MOUNTED = ("CHANGELOG.md", "CONTRIBUTING.md", "experiments/*.md", "experiments/*.py", "experiments/results/*")
"""Files that the site has under the path that they have in the repository."""
NOTEBOOK = "docs/tutorial.ipynb"
_LINK = re.compile(r"(\]\()([^)#\s:]+)(#[^)\s]*)?(?=[)\s])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages from elsewhere."""
    for pattern in MOUNTED:
        for path in sorted(ROOT.glob(pattern)):
            source = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, source, abs_src_path=str(path)))
    cells = json.loads((ROOT / NOTEBOOK).read_text())["cells"]
    for number, cell in enumerate(cells):
        for image in _images(cell):
            files.append(File.generated(config, _image_name(number), content=base64.b64decode(image)))
    text = "\n\n".join(_markdown(number, cell) for number, cell in enumerate(cells))
    files.append(File.generated(config, "tutorial.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with the repository's links turned into the site's."""
    del config
    source = page.file.src_uri
    in_repository = source if (ROOT / source).exists() else f"docs/{source}"

    def translate(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository), match[2]))
        target = NOTEBOOK.replace(".ipynb", ".md") if target == NOTEBOOK and source != "tutorial.md" else target
        on_site = target.removeprefix("docs/")
        if files.get_file_from_path(on_site) is None:
            return match[0]  # for mkdocs to complain of
        return f"{match[1]}{posixpath.relpath(on_site, posixpath.dirname(source) or '.')}{match[3] or ''}"

    return _LINK.sub(translate, markdown)


def _markdown(number: int, cell: dict) -> str:
    """A cell of the notebook as Markdown, with what it printed and drew."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    printed = "".join("".join(output.get("text", ())) for output in cell["outputs"])
    drawn = [f"![What the cell draws]({_image_name(number)})" for _ in _images(cell)]
    return "\n\n".join(
        [f"```python\n{source}\n```", *([f"```text\n{printed.rstrip()}\n```"] if printed else []), *drawn]
    )


def _images(cell: dict) -> list[str]:
    """The PNG that a cell drew, in base 64, if it drew one."""
    outputs = [output.get("data", {}) for output in cell.get("outputs", ())]
    return ["".join(data["image/png"]) for data in outputs if "image/png" in data][:1]


def _image_name(number: int) -> str:
    return f"tutorial_{number}.png"
