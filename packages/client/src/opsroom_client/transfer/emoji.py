"""Emoji by the names that Slack and Mattermost give them, as far as they are used for reactions."""

from typing import Final

_NAMES: Final = """
+1 thumbsup 👍|-1 thumbsdown 👎|heart ❤️|tada 🎉|joy 😂|smile 😄|smiley 😃|grin 😁|grinning 😀
|laughing satisfied 😆|sweat_smile 😅|rofl rolling_on_the_floor_laughing 🤣|wink 😉|blush 😊
|slightly_smiling_face 🙂|upside_down_face 🙃|heart_eyes 😍|kissing_heart 😘|stuck_out_tongue 😛
|stuck_out_tongue_winking_eye 😜|thinking_face thinking 🤔|neutral_face 😐|expressionless 😑
|unamused 😒|face_with_rolling_eyes roll_eyes 🙄|grimacing 😬|relieved 😌|pensive 😔|sleepy 😪
|sleeping 😴|mask 😷|sunglasses 😎|confused 😕|worried 😟|open_mouth 😮|astonished 😲|flushed 😳
|cry 😢|sob 😭|scream 😱|disappointed 😞|sweat 😓|weary 😩|tired_face 😫|yawning_face 🥱|triumph 😤
|rage 😡|angry 😠|skull 💀|poop hankey 💩|clown_face 🤡|ghost 👻|robot_face robot 🤖|wave 👋
|ok_hand 👌|v ✌️|crossed_fingers 🤞|point_left 👈|point_right 👉|point_up_2 👆|point_down 👇
|point_up ☝️|fist ✊|facepunch punch 👊|clap 👏|raised_hands 🙌|open_hands 👐|handshake 🤝|pray 🙏
|muscle 💪|eyes 👀|brain 🧠|facepalm face_palm 🤦|shrug 🤷|bow 🙇|hand raised_hand ✋
|broken_heart 💔|two_hearts 💕|sparkling_heart 💖|heartpulse 💗|blue_heart 💙|green_heart 💚
|yellow_heart 💛|purple_heart 💜|orange_heart 🧡|black_heart 🖤|white_heart 🤍|100 💯
|boom collision 💥|dizzy 💫|sweat_drops 💦|dash 💨|zzz 💤|fire 🔥|sparkles ✨|star ⭐|star2 🌟
|zap ⚡|rainbow 🌈|sunny ☀️|snowflake ❄️|rocket 🚀|airplane ✈️|car 🚗|ship 🚢|trophy 🏆
|medal sports_medal 🏅|first_place_medal 🥇|gift 🎁|balloon 🎈|confetti_ball 🎊|birthday 🎂|cake 🍰
|coffee ☕|tea 🍵|beer 🍺|beers 🍻|champagne 🍾|wine_glass 🍷|pizza 🍕|hamburger 🍔|popcorn 🍿
|cookie 🍪|doughnut 🍩|apple 🍎|banana 🍌|avocado 🥑|dog 🐶|cat 🐱|unicorn_face unicorn 🦄|bug 🐛
|bee 🐝|snail 🐌|turtle 🐢|penguin 🐧|see_no_evil 🙈|hear_no_evil 🙉|speak_no_evil 🙊|seedling 🌱
|evergreen_tree 🌲|four_leaf_clover 🍀|rose 🌹|sunflower 🌻|white_check_mark ✅
|heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌|negative_squared_cross_mark ❎
|heavy_plus_sign ➕|heavy_minus_sign ➖|warning ⚠️|no_entry ⛔|no_entry_sign 🚫|octagonal_sign 🛑
|question ❓|grey_question ❔|exclamation ❗|bangbang ‼️|interrobang ⁉️|red_circle 🔴
|large_green_circle 🟢|large_yellow_circle 🟡|large_blue_circle 🔵|black_circle ⚫|white_circle ⚪
|large_orange_circle 🟠|arrow_up ⬆️|arrow_down ⬇️|arrow_left ⬅️|arrow_right ➡️|repeat 🔁
|recycle ♻️|bulb 💡|bell 🔔|no_bell 🔕|mega 📣|loudspeaker 📢|speech_balloon 💬|thought_balloon 💭
|memo pencil 📝|pushpin 📌|round_pushpin 📍|paperclip 📎|link 🔗|lock 🔒|unlock 🔓|key 🔑|hammer 🔨
|wrench 🔧|gear ⚙️|hammer_and_wrench 🛠️|computer 💻|desktop_computer 🖥️|keyboard ⌨️
|phone telephone ☎️|email e-mail ✉️|package 📦|calendar 📅|clock1 🕐|hourglass ⌛
|hourglass_flowing_sand ⏳|alarm_clock ⏰|stopwatch ⏱️|chart_with_upwards_trend 📈
|chart_with_downwards_trend 📉|moneybag 💰|money_with_wings 💸|gem 💎|dart 🎯|checkered_flag 🏁
|construction 🚧|ambulance 🚑|fire_engine 🚒|rotating_light 🚨|microscope 🔬|test_tube 🧪|books 📚
|book open_book 📖|mag 🔍|party_parrot 🦜|partying_face 🥳|face_with_monocle monocle_face 🧐
|hugging_face hugs 🤗|zany_face 🤪|star-struck 🤩|shushing_face 🤫|face_with_hand_over_mouth 🤭
|exploding_head 🤯|pleading_face 🥺|saluting_face 🫡|melting_face 🫠|heart_hands 🫶
|smiling_face_with_3_hearts 🥰|smiling_face_with_tear 🥲|nerd_face 🤓|money_mouth_face 🤑
|zipper_mouth_face 🤐|raised_eyebrow face_with_raised_eyebrow 🤨|one 1️⃣|two 2️⃣|three 3️⃣
|four 4️⃣|five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|zero 0️⃣|keycap_ten 🔟
|hash #️⃣
"""
"""Entries of one emoji each: its names, and the emoji at the end. The names are those of Unicode CLDR's usual
short names, as both programs use them."""


def _table() -> dict[str, str]:
    entries = (entry.split() for entry in _NAMES.replace("\n", "").split("|"))
    return {name: names[-1] for names in entries for name in names[:-1]}


_TABLE: Final = _table()
_SKIN_TONES: Final = {f"skin-tone-{number}": chr(0x1F3FB + place) for place, number in enumerate(range(2, 7))}
_PICTURE: Final = chr(0xFE0F)


def emoji_of(name: str) -> str | None:
    """Return the emoji with this name, such as ``+1`` or ``wave::skin-tone-2``; None: it is unknown here."""
    short, _, tone = name.strip(":").partition("::")
    found = _TABLE.get(short)
    if found is None or tone not in _SKIN_TONES:
        return found
    return found.removesuffix(_PICTURE) + _SKIN_TONES[tone]
