/** An emoji, its names between colons, the usual one first, and words that find it in either language. */
export interface Emoji {
  readonly char: string;
  readonly names: readonly string[];
  readonly words: string;
}

/** Each line: the emoji, its names, a bar, and further words. */
const TABLE = `
😀 grinning|smile улыбка радость
😃 smiley|happy улыбка
😄 smile|happy улыбка смех
😁 grin|teeth улыбка зубы
😆 laughing satisfied|haha смех
😅 sweat_smile|phew relief пот неловко
🤣 rofl|laugh хохот катаюсь
😂 joy|tears laugh слезы смех
🙂 slightly_smiling_face|улыбка
🙃 upside_down_face|ирония вверх ногами
😉 wink|подмигиваю
😊 blush|улыбка румянец
😇 innocent|angel ангел
🥰 smiling_face_with_three_hearts|love любовь сердца
😍 heart_eyes|love влюблен
🤩 star_struck|wow восторг звезды
😘 kissing_heart|kiss поцелуй
😋 yum|tasty вкусно
😜 stuck_out_tongue_winking_eye|язык шутка
🤪 zany_face|crazy безумие
🤗 hugs hugging_face|объятия
🤭 hand_over_mouth|ой
🤫 shushing_face|quiet тихо тсс
🤔 thinking|hmm думаю хм
🤨 raised_eyebrow|doubt сомнение
😐 neutral_face|meh нейтрально
😑 expressionless|без слов
😶 no_mouth|молчу
😏 smirk|ухмылка
😒 unamused|недоволен
🙄 roll_eyes|закатил глаза
😬 grimacing|awkward неловко
😌 relieved|облегчение
😔 pensive|sad грусть
😪 sleepy|сонный
😴 sleeping|zzz сплю
😷 mask|ill болею маска
🤒 face_with_thermometer|ill болею температура
🤕 face_with_head_bandage|hurt больно
🤢 nauseated_face|тошнит
🤮 vomiting_face|фу
🥵 hot_face|жарко
🥶 cold_face|холодно
🥴 woozy_face|голова кругом
😵 dizzy_face|шок
🤯 exploding_head mind_blown|взрыв мозга
🤠 cowboy_hat_face|ковбой
🥳 partying_face|party праздник
😎 sunglasses cool|круто очки
🤓 nerd_face|умник
🧐 monocle_face|рассматриваю
😕 confused|растерян
😟 worried|беспокойство
🙁 slightly_frowning_face|грустно
😮 open_mouth|wow удивление
😲 astonished|удивление
😳 flushed|смущение
🥺 pleading_face|please пожалуйста
😨 fearful|страх
😰 cold_sweat|страх
😢 cry|sad слеза плачу
😭 sob|cry рыдаю
😱 scream|ужас крик
😖 confounded|мучение
😞 disappointed|разочарован
😓 sweat|пот
😩 weary|устал
😫 tired_face|устал
🥱 yawning_face|зеваю скучно
😤 triumph|steam злюсь
😡 rage|angry злой
😠 angry|злой
🤬 cursing_face|ругаюсь
😈 smiling_imp|devil черт
💀 skull|dead череп смерть
💩 poop hankey|какашка
🤡 clown_face|клоун
👻 ghost|привидение
👽 alien|инопланетянин
🤖 robot bot|робот
🎃 jack_o_lantern|тыква
😺 smiley_cat|кот
🙈 see_no_evil|не вижу обезьяна
🙉 hear_no_evil|не слышу обезьяна
🙊 speak_no_evil|молчу обезьяна
❤️ heart|love сердце любовь
🧡 orange_heart|сердце
💛 yellow_heart|сердце
💚 green_heart|сердце
💙 blue_heart|сердце
💜 purple_heart|сердце
🖤 black_heart|сердце
💔 broken_heart|разбитое сердце
💯 100|hundred сто
💥 boom collision|взрыв бум
💫 dizzy|звезда
💦 sweat_drops|капли
💨 dash|быстро
💣 bomb|бомба
💬 speech_balloon|comment сообщение
💭 thought_balloon|мысль
💤 zzz|сон
👋 wave|hello bye привет пока
🤚 raised_back_of_hand|рука
✋ raised_hand|stop стоп рука
🖖 vulcan_salute|спок
👌 ok_hand|ок отлично
✌️ v victory|peace победа мир
🤞 crossed_fingers|luck удача
🤘 metal|рок
🤙 call_me_hand|позвони
👈 point_left|влево
👉 point_right|вправо
👆 point_up_2|вверх
👇 point_down|вниз
☝️ point_up|внимание
👍 +1 thumbsup|like yes да лайк хорошо
👎 -1 thumbsdown|dislike no нет плохо
✊ fist|кулак
👊 facepunch punch|кулак
👏 clap|bravo аплодисменты браво
🙌 raised_hands|hooray ура
👐 open_hands|руки
🤝 handshake|deal договорились сделка
🙏 pray|thanks please спасибо пожалуйста
✍️ writing_hand|пишу
💪 muscle|strong сила
🧠 brain|мозг
👀 eyes|look смотрю глаза
👁️ eye|глаз
🤷 shrug|не знаю
🤦 facepalm|рукалицо
🙇 bow|поклон извините
🙋 raising_hand|я вопрос
🙅 no_good|нет
🙆 ok_woman|да
💁 tipping_hand_person|информация
🏃 running|бегу
🚶 walking|иду
🧘 lotus_position|спокойствие
👨‍💻 technologist man_technologist|программист
👩‍💻 woman_technologist|программистка
👮 police_officer cop|полиция
👷 construction_worker|стройка рабочий
🕵️ detective|сыщик
🧑‍🚒 firefighter|пожарный
🥷 ninja|ниндзя
🦸 superhero|герой
🧙 mage|wizard волшебник
🐛 bug|ошибка баг жук
🐞 beetle|божья коровка
🐜 ant|муравей
🐝 bee|пчела
🦋 butterfly|бабочка
🐌 snail|slow медленно улитка
🐢 turtle|slow медленно черепаха
🐍 snake|python змея
🐘 elephant|postgres слон
🐳 whale|docker кит
🐙 octopus|осьминог
🦀 crab|rust краб
🐧 penguin|linux пингвин
🐶 dog|собака
🐱 cat|кот кошка
🐭 mouse|мышь
🐰 rabbit|кролик
🦊 fox_face|лиса
🐻 bear|медведь
🐼 panda_face|панда
🦁 lion|лев
🐵 monkey_face|обезьяна
🐔 chicken|курица
🦉 owl|сова
🦄 unicorn|единорог
🐟 fish|рыба
🌱 seedling|росток
🌲 evergreen_tree|дерево елка
🌵 cactus|кактус
🍀 four_leaf_clover|luck удача
🌸 cherry_blossom|цветок
🌻 sunflower|подсолнух
🌹 rose|роза
🌍 earth_africa globe|world мир земля
🌙 crescent_moon|night ночь луна
☀️ sunny sun|солнце
⛅ partly_sunny|облачно
☁️ cloud|облако
🌧️ rain_cloud|дождь
⛈️ thunder_cloud_and_rain|гроза
❄️ snowflake|cold снег мороз
⚡ zap lightning|fast молния быстро
🔥 fire|hot огонь пожар
🌈 rainbow|радуга
⭐ star|звезда
🌟 star2|звезда
✨ sparkles|new блеск новое
☔ umbrella|зонт
🌊 ocean wave_water|волна море
🍎 apple|яблоко
🍌 banana|банан
🍋 lemon|лимон
🍉 watermelon|арбуз
🍓 strawberry|клубника
🍒 cherries|вишня
🥑 avocado|авокадо
🌶️ hot_pepper|перец
🍞 bread|хлеб
🧀 cheese|сыр
🍔 hamburger|бургер
🍕 pizza|пицца
🌮 taco|тако
🍣 sushi|суши
🍜 ramen|лапша
🍦 icecream|мороженое
🍩 doughnut|пончик
🍪 cookie|печенье
🎂 birthday cake|торт день рождения
🍫 chocolate_bar|шоколад
🍿 popcorn|попкорн
☕ coffee|кофе перерыв
🍵 tea|чай
🍺 beer|пиво
🍻 beers|пиво
🥂 clinking_glasses cheers|бокалы
🍷 wine_glass|вино
🍾 champagne|шампанское
🎉 tada party|праздник ура поздравляю
🎊 confetti_ball|праздник конфетти
🎈 balloon|шар
🎁 gift|подарок
🎄 christmas_tree|елка новый год
🏆 trophy|кубок победа
🥇 1st_place_medal gold|медаль первое
🥈 2nd_place_medal silver|медаль второе
🥉 3rd_place_medal bronze|медаль третье
⚽ soccer|футбол мяч
🏀 basketball|баскетбол
🎯 dart|target цель
🎲 game_die|кубик случайно
🎮 video_game|игра
🎵 musical_note|музыка
🎸 guitar|гитара
🎬 clapper|кино
🎨 art|дизайн
🚀 rocket|ship deploy ракета запуск
✈️ airplane|самолет
🚗 car|машина
🚕 taxi|такси
🚌 bus|автобус
🚂 train|поезд
🚲 bike|велосипед
🚑 ambulance|скорая
🚒 fire_engine|пожарная
🚢 ship|корабль
⚓ anchor|якорь
🚧 construction|work стройка работы
🚦 traffic_light|светофор
🛑 stop_sign octagonal_sign|stop стоп
⛽ fuelpump|топливо
🏠 house|дом
🏢 office|офис
🏭 factory|завод
🏖️ beach|отпуск пляж
⛰️ mountain|гора
⌚ watch|часы
📱 iphone phone|телефон
💻 computer laptop|ноутбук
🖥️ desktop_computer server|сервер компьютер
⌨️ keyboard|клавиатура
🖨️ printer|принтер
💾 floppy_disk save|сохранить дискета
💿 cd|диск
🔌 electric_plug|plug розетка
🔋 battery|батарея
📷 camera|фото
📞 telephone_receiver|звонок телефон
📡 satellite|связь антенна
💡 bulb|idea идея лампа
🔦 flashlight|фонарь
🕯️ candle|свеча
📚 books|docs книги документация
📖 book|книга
📄 page_facing_up|document документ
📝 memo pencil|note заметка запись
📊 bar_chart|графики
📈 chart_with_upwards_trend|рост график
📉 chart_with_downwards_trend|падение график
📅 date calendar|календарь дата
📌 pushpin pin|закрепить
📎 paperclip|скрепка файл
🔗 link|ссылка
✂️ scissors|ножницы
🗑️ wastebasket trash|корзина удалить
🔒 lock|закрыто замок
🔓 unlock|открыто замок
🔑 key|ключ
🔨 hammer|молоток
🛠️ hammer_and_wrench tools|инструменты
🔧 wrench fix|ключ починить
⚙️ gear|settings настройки
🧰 toolbox|инструменты
🧲 magnet|магнит
⚖️ balance_scale|весы
🧪 test_tube test|тест
🔬 microscope|микроскоп
🔭 telescope|телескоп
💊 pill|таблетка
🩹 adhesive_bandage patch|пластырь заплатка
🛡️ shield|security щит защита
⏰ alarm_clock|будильник
⏱️ stopwatch|секундомер
⏳ hourglass_flowing_sand wait|жду песочные часы
⌛ hourglass|время вышло
🔔 bell|уведомление звонок
🔕 no_bell|без звука
📣 mega|announce объявление
📢 loudspeaker|объявление
✉️ email envelope|письмо почта
📦 package box|release коробка релиз
🏷️ label tag|метка
💰 moneybag money|деньги
💳 credit_card|карта
💎 gem|камень
🧹 broom cleanup|уборка
🧯 fire_extinguisher|огнетушитель
🚨 rotating_light alert siren|тревога
⚠️ warning|внимание осторожно
⛔ no_entry|запрет
🚫 no_entry_sign forbidden|запрет
❌ x|no нет ошибка
✅ white_check_mark done|yes да готово
☑️ ballot_box_with_check|готово
✔️ heavy_check_mark check|галочка
➕ heavy_plus_sign plus|плюс
➖ heavy_minus_sign minus|минус
❓ question|вопрос
❗ exclamation|важно восклицание
‼️ bangbang|важно
♻️ recycle|refactor переработка
🔄 arrows_counterclockwise restart|обновить перезапуск
🔁 repeat|повтор
🔍 mag search|поиск лупа
➡️ arrow_right|вправо
⬅️ arrow_left|влево
⬆️ arrow_up|вверх
⬇️ arrow_down|вниз
↩️ leftwards_arrow_with_hook revert|назад откат
🆕 new|новое
🆗 ok|ок
🆘 sos|help помощь
🔴 red_circle|красный
🟠 orange_circle|оранжевый
🟡 yellow_circle|желтый
🟢 green_circle|зеленый
🔵 blue_circle|синий
🟣 purple_circle|фиолетовый
⚫ black_circle|черный
⚪ white_circle|белый
🟥 red_square|красный
🟩 green_square|зеленый
▶️ arrow_forward play|пуск
⏸️ pause_button pause|пауза
⏹️ stop_button|стоп
🏁 checkered_flag finish|финиш
🚩 triangular_flag_on_post flag|флаг
🏳️ white_flag|сдаюсь
`;

const parsed = (line: string): Emoji => {
  const [head = "", more = ""] = line.split("|");
  const [char = "", ...names] = head.split(" ");
  return { char, names, words: `${names.join(" ").replaceAll("_", " ")} ${more}` };
};

export const EMOJI: readonly Emoji[] = TABLE.trim().split("\n").map(parsed);

export const EMOJI_BY_NAME: ReadonlyMap<string, string> = new Map(
  EMOJI.flatMap(({ char, names }) => names.map(name => [name, char] as const)),
);

const searchable = (text: string): string =>
  text.toLowerCase().replaceAll("ё", "е").replaceAll("_", " ").trim();

/** The emoji that a search finds, those whose name begins with it first. */
export function findEmoji(query: string, limit = EMOJI.length): readonly Emoji[] {
  const wanted = searchable(query);
  if (!wanted) return EMOJI.slice(0, limit);
  const rank = ({ names, words }: Emoji): number => {
    if (names.some(name => searchable(name).startsWith(wanted))) return 0;
    return ` ${words}`.includes(` ${wanted}`) ? 1 : 2;
  };
  const ranked = EMOJI.map(one => ({ one, at: rank(one) })).filter(({ at }) => at < 2);
  return ranked
    .sort((a, b) => a.at - b.at)
    .slice(0, limit)
    .map(({ one }) => one);
}
