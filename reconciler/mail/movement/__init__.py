"""Which mail goes another way when one state becomes another, with a message for each claim.

Law: pure. "It moves" has a witness that the evaluator was asked about on both sides; "nothing moves" has a full cover;
everything else is "cannot tell", with its reason.

    before, after -> programs of conditions -> tests -> classes of mail -> leaves -> regions -> flows, with witnesses
"""

from reconciler.faces import face

__getattr__ = face(__name__)
