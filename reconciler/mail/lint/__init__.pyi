from reconciler.mail.lint.dangling import dangling_names as dangling_names
from reconciler.mail.lint.keeping import lint_keeps as lint_keeps
from reconciler.mail.lint.resources import lint_resources as lint_resources
from reconciler.mail.lint.rules import RULES as RULES
from reconciler.mail.lint.rules import Finding as Finding
from reconciler.mail.lint.rules import Locate as Locate
from reconciler.mail.lint.rules import Rule as Rule
from reconciler.mail.lint.rules import settle as settle
