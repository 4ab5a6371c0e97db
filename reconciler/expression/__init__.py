"""The language of Stalwart's expressions: reading them as the server does, and telling what they give.

Law: it knows the language and nothing of kinds; where an expression stands, its caller says with a `Context`.

    text -> lex -> tokens -> parse -> Tree -> compiled -> instructions -> evaluate -> Value
                                      {"match": …, "else": …} -> parse_if -> Block -> decide -> Decision
"""

from reconciler.faces import face

__getattr__ = face(__name__)
