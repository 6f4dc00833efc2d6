"""Questions of many sockets, asked of the database once."""

import asyncio

from django.test import SimpleTestCase

from core.gathered import MOST, Gathered


class GatheredTests(SimpleTestCase):
    def setUp(self) -> None:
        self.read: list[set[int]] = []

    def squares(self, numbers: set[int]) -> dict[int, int]:
        self.read.append(numbers)
        if -1 in numbers:
            raise ValueError("no such number")
        return {number: number**2 for number in numbers if number}

    async def test_what_is_asked_at_once_is_read_once_and_everybody_gets_their_own_answer(self) -> None:
        gathered = Gathered(self.squares)
        answers = await asyncio.gather(*(gathered.ask(number) for number in (1, 2, 3, 2, 0)))
        self.assertEqual((answers, self.read), ([1, 4, 9, 4, None], [{0, 1, 2, 3}]))

    async def test_a_crowd_is_read_in_parts_between_which_others_have_their_turn(self) -> None:
        gathered = Gathered(self.squares)
        answers = await asyncio.gather(*(gathered.ask(number) for number in range(1, MOST + 2)))
        self.assertEqual(answers, [number**2 for number in range(1, MOST + 2)])
        self.assertEqual([len(part) for part in self.read], [MOST, 1])

    async def test_what_is_asked_while_a_read_is_under_way_is_read_after_it(self) -> None:
        gathered = Gathered(self.squares)
        first = asyncio.create_task(gathered.ask(1))
        while not self.read:  # noqa: ASYNC110 -- a turn for the loop, no wait
            await asyncio.sleep(0)
        self.assertEqual((await gathered.ask(1), await first, self.read), (1, 1, [{1}, {1}]))

    async def test_a_read_that_fails_fails_for_those_who_asked_and_the_next_one_is_made_anew(self) -> None:
        gathered = Gathered(self.squares)
        answers = await asyncio.gather(gathered.ask(-1), gathered.ask(2), return_exceptions=True)
        self.assertEqual([str(answer) for answer in answers], ["no such number"] * 2)
        self.assertEqual(await gathered.ask(3), 9)

    async def test_who_leaves_before_the_answer_takes_nobody_along(self) -> None:
        gathered = Gathered(self.squares)
        leaving, staying = (asyncio.create_task(gathered.ask(number)) for number in (1, 2))
        await asyncio.sleep(0)
        leaving.cancel()
        self.assertEqual(await staying, 4)
