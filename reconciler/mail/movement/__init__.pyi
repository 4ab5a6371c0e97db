from reconciler.mail.movement.compare import movement_between as movement_between
from reconciler.mail.movement.model import Flow as Flow
from reconciler.mail.movement.model import Movement as Movement
from reconciler.mail.movement.model import Rung as Rung
from reconciler.mail.movement.model import Shift as Shift
from reconciler.mail.movement.model import Side as Side
