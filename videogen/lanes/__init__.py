"""Whether an account may send something now: pauses, leases, quota.

Lock order
----------

Whoever takes several locks takes them in this order, and several rows of one table by their primary
keys. SQLite gives a write transaction the whole database; on PostgreSQL the order is what prevents
deadlocks.

1. The story's row: queueing, confirming a draft, repeating a request, uploads, reviews, retakes,
   directions, and moving queued renders to another model.
2. The shot's row: reviews, retakes, uploads and given links (`takes/reviews.py`, `lock_shot`).
3. The budgets, an advisory lock of PostgreSQL: queueing, repeating, moving and every claim
   (`billing/budgets.py`, `lock_budgets`). Whoever queues or moves holds the row of the price, too
   (`catalog/prices.py`, `keep_price`); of those who hold the budgets, there is only one.
4. The lane's row: every claim, moving, retakes, and whatever pauses or resumes a lane or ends its
   wait.
5. The renders' rows. Submissions and candidates are locked just before the renders that they belong
   to.
6. The stored status of the shots, by shot. Every change of a render's state takes these rows by
   itself, last.

In short: budgets, then lane, then shot status. Two places come to the lane after renders: queueing
ends a pause when its renders are inserted, and the answers of several polls, which are written in
one transaction, may pause the lane. Neither can wait for a claim that waits for them. A claim,
which holds the lane, changes only renders that were queued and committed before; the renders of
these two are new, or were running. Queueing holds the budgets as well, which every claim takes
first. A retake changes a render before it queues one, so it takes the lane before both.

A shot may have several open renders, one in each slot. A claim can therefore want the status of a
shot of which a poll has just written another render, while these polls want the lane, or the status
of another shot of the claim. PostgreSQL ends one of the two, and it is tried again; nothing was
written, and nothing was sent.

All of these locks are FOR NO KEY UPDATE (`no_key=True`). Rows refer to each other: who changes a
render twice in one transaction has its lane, batch and shot looked at once more at the commit (FOR
KEY SHARE), and would wait for a claim that has the lane FOR UPDATE and waits for that render. Only
who deletes a row locks it FOR UPDATE.

Should two transactions get in each other's way all the same, the one that PostgreSQL ends is tried
again (`common/db_retry.py`): every button by `DeadlockMiddleware`, claims, queueing and retakes by
`again_after_deadlock`, answers by `persistently`.

Answers of several submissions or polls, and downloads that ended together, are written in one
transaction, which locks all of their renders by their keys before it changes the first of them.

A pump's lease and its heartbeat are single UPDATEs outside of these transactions, and the heartbeat
skips rows that are locked.
"""
