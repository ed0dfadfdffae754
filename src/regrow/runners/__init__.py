"""Operations taken to where pictures are: files, objects in memory, clips, batches."""

from regrow.runners.dispatch import apply as apply
from regrow.runners.dispatch import header as header
from regrow.runners.dispatch import runner as runner
